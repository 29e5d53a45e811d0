import { Alert, Button, Dialog, DialogActions, DialogContent, DialogTitle, LinearProgress, MenuItem, TextField } from "@mui/material";
import { useState, type FormEvent } from "react";
import type { Key } from "../fleet/row";
import { playersOn } from "../fleet/tally";
import { useLive } from "../fleet/use";
import { changeHolds, type HoldChange, type HoldProgress } from "../wire/holds";
import { useWords } from "../words/use";
import { Age } from "./Age";
import "./HoldDialog.css";

function HeldNow({ server }: { server: Key }) {
  const words = useWords();
  const drain = useLive().store.row(server)?.record.drain;
  if (drain === undefined) {
    return <p className="dim">{words.hold.noHold}</p>;
  }
  return (
    <p>
      {words.hold.heldBy}: <bdi>{drain.by ?? words.common.unknown}</bdi>
      {drain.reason && (
        <>
          {": "}
          <bdi>{drain.reason}</bdi>
        </>
      )}{" "}
      {drain.since !== undefined && (
        <>
          (<Age at={Date.parse(drain.since)} />)
        </>
      )}
    </p>
  );
}

function About({ servers, change }: { servers: readonly Key[]; change: HoldChange }) {
  const words = useWords();
  const { store } = useLive();
  const players = playersOn(servers.map((key) => store.row(key)));
  return (
    <>
      <p className="dim">{change === "drain" ? words.hold.drainHint : words.hold.undrainHint}</p>
      {servers.length > 1 ? (
        <ul className="hold-servers mono" tabIndex={0} aria-label={words.hold.servers(servers.length)}>
          {servers.map((key) => (
            <li key={key}>
              <bdi>{key}</bdi>
            </li>
          ))}
        </ul>
      ) : (
        change === "undrain" && <HeldNow server={servers[0]!} />
      )}
      {change === "drain" && players > 0 && <p>{words.hold.playersThere(players)}</p>}
    </>
  );
}

function Outcome({ progress, all }: { progress: HoldProgress; all: number }) {
  const words = useWords();
  return (
    <>
      {all > 1 && progress.left > 0 && (
        <div role="status">
          <LinearProgress variant="determinate" value={((all - progress.left) / all) * 100} aria-hidden="true" />
          <span className="num">{words.hold.progress(all - progress.left, all)}</span>
        </div>
      )}
      {progress.failed.length > 0 && (
        <Alert severity="error">
          {words.hold.failed(progress.failed.length)}
          <ul className="hold-failed">
            {progress.failed.map(({ key, message }) => (
              <li key={key}>
                <bdi className="mono">{key}</bdi>: <bdi>{message}</bdi>
              </li>
            ))}
          </ul>
        </Alert>
      )}
    </>
  );
}

const REASON_BYTES = 256;

/** The observer takes so many bytes, and a letter of Korean has three. */
function cut(text: string): string {
  let kept = text;
  while (new TextEncoder().encode(kept).length > REASON_BYTES) {
    kept = kept.slice(0, -1);
  }
  return kept;
}

/** Drains or undrains one server or several: their names, why, until when; what failed stays, to be tried again. */
export function HoldDialog({ servers, change, onClose }: { servers: readonly Key[]; change: HoldChange; onClose(done: boolean): void }) {
  const words = useWords();
  const [keys, setKeys] = useState(servers);
  const [reason, setReason] = useState("");
  const [deadline, setDeadline] = useState("");
  const [progress, setProgress] = useState<HoldProgress | null>(null);
  const busy = progress !== null && progress.left > 0;
  const name = keys.length === 1 ? keys[0]! : words.hold.servers(keys.length);
  const title = change === "drain" ? words.hold.drainOf(name) : words.hold.undrainOf(name);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation(); // a form of the page around it, where there is one, is not meant
    setProgress({ done: [], failed: [], left: keys.length });
    const end = await changeHolds(keys, { change, reason: reason.trim(), deadline }, setProgress);
    setProgress(end);
    if (end.failed.length === 0) {
      onClose(true);
    } else {
      setKeys(end.failed.map(({ key }) => key));
    }
  };

  return (
    <Dialog open onClose={() => busy || onClose(false)} fullWidth maxWidth="xs" aria-labelledby="hold-title">
      <form onSubmit={submit}>
        <DialogTitle id="hold-title" className="hold-name">
          {title}
        </DialogTitle>
        <DialogContent className="hold-form">
          <About servers={keys} change={change} />
          {change === "drain" && (
            <>
              <TextField
                label={words.hold.reason}
                helperText={words.hold.reasonHint}
                value={reason}
                autoFocus
                disabled={busy}
                slotProps={{ htmlInput: { autoComplete: "off" } }}
                onChange={(event) => setReason(cut(event.target.value))}
              />
              <TextField select label={words.hold.deadline} value={deadline} disabled={busy} onChange={(event) => setDeadline(event.target.value)} slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}>
                {Object.entries(words.hold.deadlines).map(([value, text]) => (
                  <MenuItem key={value} value={value}>
                    {text}
                  </MenuItem>
                ))}
              </TextField>
            </>
          )}
          {progress !== null && <Outcome progress={progress} all={keys.length} />}
        </DialogContent>
        <DialogActions className="hold-actions">
          <Button onClick={() => onClose(false)} disabled={busy}>
            {words.common.cancel}
          </Button>
          <Button type="submit" variant="contained" disabled={busy} className="hold-name">
            {progress !== null && progress.failed.length > 0 && !busy ? `${title}: ${words.hold.again}` : title}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
