import { Button, Dialog, DialogActions, DialogContent, DialogTitle } from "@mui/material";
import { useId } from "react";
import { announce } from "../../app/Announcer";
import { Trouble } from "../../parts/Trouble";
import type { Session } from "../../wire/types";
import { useWords } from "../../words/use";
import { useEndSession } from "./data";
import { useSessionWords } from "./words";

export function EndSession({ session, close }: { session: Session; close(): void }) {
  const words = useSessionWords();
  const { common } = useWords();
  const title = useId();
  const end = useEndSession();
  const run = () =>
    end.mutate(session.id, {
      onSuccess: () => {
        announce(words.ended(session.player));
        close();
      },
    });
  return (
    <Dialog open onClose={close} aria-labelledby={title} maxWidth="sm" fullWidth>
      <DialogTitle id={title}>{words.endTitle}</DialogTitle>
      <DialogContent className="sessions-dialog">
        <dl>
          <dt>{words.player}</dt>
          <dd>
            <bdi>{session.player}</bdi>
          </dd>
          <dt>{words.server}</dt>
          <dd>
            <bdi>{session.server}</bdi>
          </dd>
        </dl>
        <p className="dim">{words.endHint}</p>
        {end.error !== null && <Trouble error={end.error} />}
      </DialogContent>
      <DialogActions>
        <Button onClick={close}>{common.cancel}</Button>
        <Button variant="contained" color="error" loading={end.isPending} onClick={run}>
          {words.end(session.player)}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
