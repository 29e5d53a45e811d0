import { Button, Checkbox, Dialog, DialogActions, DialogContent, DialogTitle, FormControlLabel, TextField } from "@mui/material";
import { useId, useState, type FormEvent } from "react";
import { announce } from "../../app/Announcer";
import { Trouble } from "../../parts/Trouble";
import { ApiError } from "../../wire/http";
import { useWords } from "../../words/use";
import { useKeyChanges } from "./data";
import { lastOf } from "./KeyPane";
import { idOf } from "./names";
import { useKeyPlace } from "./place";
import { bodyOf } from "./value";
import { useKeyWords } from "./words";

export function NewKey({ prefix, close }: { prefix: string; close(): void }) {
  const words = useKeyWords();
  const { common } = useWords();
  const title = useId();
  const [, go] = useKeyPlace();
  const { put } = useKeyChanges();
  const [name, setName] = useState(prefix);
  const [text, setText] = useState("");
  const [asBytes, setAsBytes] = useState(false);
  const body = bodyOf(text, asBytes);
  // A name that ends so is that of a folder: most likely its end is not typed yet.
  const named = name !== "" && !name.endsWith("/");
  const exists = put.error instanceof ApiError && put.error.status === 412;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (body === null || !named) {
      return;
    }
    put.mutate(
      { id: idOf(name), body, over: null },
      {
        onSuccess: ({ revision }) => {
          announce(words.saved(name, revision));
          close();
          go({ open: idOf(name) });
        },
      },
    );
  };
  return (
    <Dialog open onClose={close} aria-labelledby={title} maxWidth="sm" fullWidth>
      <form onSubmit={submit} noValidate>
        <DialogTitle id={title}>{words.newTitle}</DialogTitle>
        <DialogContent className="keys-dialog">
          <TextField
            label={words.newName}
            fullWidth
            autoFocus
            value={name}
            error={exists}
            helperText={exists ? words.newExists : words.newNameHint}
            onChange={(event) => {
              setName(event.target.value);
              put.reset();
            }}
            slotProps={{ htmlInput: { className: "mono", spellCheck: false, autoCapitalize: "off" } }}
          />
          <TextField
            label={words.value}
            fullWidth
            multiline
            minRows={6}
            maxRows={16}
            value={text}
            error={body === null}
            helperText={body === null ? words.notBase64 : undefined}
            onChange={(event) => setText(event.target.value)}
            slotProps={{ htmlInput: { className: "mono", spellCheck: false } }}
          />
          <FormControlLabel
            control={<Checkbox checked={asBytes} onChange={(event) => setAsBytes(event.target.checked)} />}
            label={words.asBytes}
          />
          {put.error !== null && !exists && <Trouble error={put.error} />}
        </DialogContent>
        <DialogActions>
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="contained" loading={put.isPending} disabled={body === null || !named}>
            {named ? words.createNamed(lastOf(name)) : words.create}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
