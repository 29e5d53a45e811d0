import { Button, Dialog, DialogActions, DialogContent, DialogTitle } from "@mui/material";
import { useId } from "react";
import { announce } from "../../app/Announcer";
import { Trouble } from "../../parts/Trouble";
import type { KeyInfo } from "../../wire/types";
import { useWords } from "../../words/use";
import { useKeyChanges } from "./data";
import { lastOf } from "./KeyPane";
import { nameOf, visible } from "./names";
import { useKeyPlace } from "./place";
import { useKeyWords } from "./words";

export function DeleteKey({ info, close }: { info: KeyInfo; close(): void }) {
  const words = useKeyWords();
  const { common } = useWords();
  const title = useId();
  const [, go] = useKeyPlace();
  const { remove } = useKeyChanges();
  const name = nameOf(info);
  const run = () =>
    remove.mutate(
      { id: info.id, revision: info.revision },
      {
        onSuccess: () => {
          announce(words.deleted(name));
          close();
          go({ open: null });
        },
      },
    );
  return (
    <Dialog open onClose={close} aria-labelledby={title} maxWidth="sm" fullWidth>
      <DialogTitle id={title}>{words.deleteTitle}</DialogTitle>
      <DialogContent className="keys-dialog">
        <p className="mono cut-anywhere">
          <bdi>{visible(name)}</bdi>
        </p>
        <p className="dim">{words.deleteHint}</p>
        {info.lease !== null && <p className="dim">{words.leaseHint}</p>}
        {remove.error !== null && <Trouble error={remove.error} />}
      </DialogContent>
      <DialogActions>
        <Button onClick={close}>{common.cancel}</Button>
        <Button variant="contained" color="error" loading={remove.isPending} onClick={run}>
          {words.delete(lastOf(name))}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
