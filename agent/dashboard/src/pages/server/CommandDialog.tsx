import { Alert, Button, Dialog, DialogActions, DialogContent, DialogTitle, MenuItem, TextField } from "@mui/material";
import { useRef, useState, type FormEvent } from "react";
import type { Key } from "../../fleet/row";
import { serverPath } from "../../wire/holds";
import { change } from "../../wire/http";
import { newIdempotencyKey } from "../../wire/idempotency";
import type { Command } from "../../wire/types";
import { useWords } from "../../words/use";

const NAME = /^[a-z0-9_.-]{1,64}$/;
const ARGS_BYTES = 4096;
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** A command and its arguments. It closes once the observer has taken the command; what becomes of it is in the drawer. */
export function CommandDialog({ server, onClose, onSent }: { server: Key; onClose(): void; onSent(command: Command): void }) {
  const words = useWords();
  const texts = words.server.commands;
  const [name, setName] = useState("");
  const [args, setArgs] = useState("");
  const [ttl, setTtl] = useState("30s");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  // The same wish sent again is the same command; another wish is another one.
  const sent = useRef({ wish: "", key: "" });
  const bytes = bytesOf(args);
  const good = NAME.test(name) && bytes <= ARGS_BYTES;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wish = JSON.stringify([name, args, ttl]);
    if (sent.current.wish !== wish) {
      sent.current = { wish, key: newIdempotencyKey() };
    }
    setBusy(true);
    setError(null);
    try {
      onSent(await change<Command>(`${serverPath(server)}/commands`, { body: { name, args, ttl }, idempotencyKey: sent.current.key }));
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };

  return (
    <Dialog open onClose={() => busy || onClose()} fullWidth maxWidth="xs" aria-labelledby="command-title">
      <form onSubmit={submit}>
        <DialogTitle id="command-title" className="hold-name">
          {texts.title(server)}
        </DialogTitle>
        <DialogContent className="hold-form">
          <TextField
            label={texts.name}
            helperText={texts.nameHint}
            required
            autoFocus
            value={name}
            error={name !== "" && !NAME.test(name)}
            disabled={busy}
            slotProps={{ htmlInput: { maxLength: 64, autoComplete: "off", autoCapitalize: "none", spellCheck: false, className: "mono" } }}
            onChange={(event) => setName(event.target.value)}
          />
          <TextField
            label={texts.args}
            helperText={texts.argsHint(bytes)}
            multiline
            minRows={2}
            maxRows={8}
            value={args}
            error={bytes > ARGS_BYTES}
            disabled={busy}
            slotProps={{ htmlInput: { spellCheck: false, className: "mono" } }}
            onChange={(event) => setArgs(event.target.value)}
          />
          <TextField select label={texts.ttl} value={ttl} disabled={busy} onChange={(event) => setTtl(event.target.value)}>
            {Object.entries(texts.ttls).map(([value, text]) => (
              <MenuItem key={value} value={value}>
                {text}
              </MenuItem>
            ))}
          </TextField>
          {error !== null && <Alert severity="error">{error}</Alert>}
        </DialogContent>
        <DialogActions className="hold-actions">
          <Button onClick={onClose} disabled={busy}>
            {words.common.cancel}
          </Button>
          <Button type="submit" variant="contained" disabled={busy || !good} className="hold-name">
            {texts.submit(server)}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
