import { Alert, Button, Dialog, DialogActions, DialogContent, DialogTitle, TextField } from "@mui/material";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { announce } from "../../app/Announcer";
import { Trouble } from "../../parts/Trouble";
import { ApiError } from "../../wire/http";
import { useSpoken } from "../../words/use";
import { previewBelow, removeBelow, type Plan } from "./data";
import { useKeyWords } from "./words";

/** The sentence for an error that has no more to say than what it means here; null: its own text. */
function useChanged(error: Error | null): string | null {
  const words = useKeyWords();
  if (!(error instanceof ApiError) || error.code !== "plan_changed") {
    return null;
  }
  const { removed } = error.body;
  return typeof removed === "number" && removed > 0 ? words.partly(removed) : words.planChanged;
}

/** All keys below a prefix, in two steps: they are counted, and deleted once somebody has typed what is meant. */
export function DeleteBelow({ prefix: here, close }: { prefix: string; close(): void }) {
  const words = useKeyWords();
  const { words: all, language } = useSpoken();
  const title = useId();
  const client = useQueryClient();
  const [prefix, setPrefix] = useState(here);
  const [typed, type] = useState("");
  const preview = useMutation({ mutationFn: previewBelow });
  const remove = useMutation({
    mutationFn: removeBelow,
    onSuccess: ({ removed }) => {
      announce(words.removed(removed, prefix));
      close();
    },
    onError: () => preview.reset(),
    onSettled: () => client.invalidateQueries({ queryKey: ["keys"] }),
  });
  const plan: Plan | undefined = preview.data;
  const changed = useChanged(remove.error);
  const count = plan === undefined ? "" : plan.count.toLocaleString(language);
  const again = (next: string) => {
    setPrefix(next);
    type("");
    preview.reset();
    remove.reset();
  };
  return (
    <Dialog open onClose={close} aria-labelledby={title} maxWidth="sm" fullWidth>
      <DialogTitle id={title}>{words.belowTitle}</DialogTitle>
      <DialogContent className="keys-dialog">
        <p className="dim">{words.belowHint}</p>
        <div className="keys-below">
          <TextField
            label={words.prefix}
            fullWidth
            value={prefix}
            onChange={(event) => again(event.target.value)}
            slotProps={{ htmlInput: { className: "mono", spellCheck: false, autoCapitalize: "off" } }}
          />
          <Button variant="outlined" loading={preview.isPending} disabled={prefix === ""} onClick={() => preview.mutate(prefix, { onSuccess: () => remove.reset() })}>
            {words.count}
          </Button>
        </div>
        {preview.error !== null && <Trouble error={preview.error} />}
        {changed !== null && <Alert severity="warning">{changed}</Alert>}
        {remove.error !== null && changed === null && <Trouble error={remove.error} />}
        {plan?.count === 0 && <Alert severity="info">{words.countedNone(plan.prefix)}</Alert>}
        {plan !== undefined && plan.count > 0 && (
          <>
            <Alert severity="warning">
              <bdi>{words.counted(count, plan.prefix)}</bdi>
            </Alert>
            <TextField
              label={words.typeIt(plan.prefix)}
              fullWidth
              autoFocus
              value={typed}
              onChange={(event) => type(event.target.value)}
              slotProps={{ htmlInput: { className: "mono", spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
            />
          </>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={close}>{all.common.cancel}</Button>
        {plan !== undefined && plan.count > 0 && (
          <Button variant="contained" color="error" loading={remove.isPending} disabled={typed !== plan.prefix} onClick={() => remove.mutate(plan)}>
            {words.deleteCounted(count, plan.prefix)}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
