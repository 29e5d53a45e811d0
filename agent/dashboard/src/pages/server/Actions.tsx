import { Button, Tooltip } from "@mui/material";
import { useEffect, useState } from "react";
import { announce } from "../../app/Announcer";
import { useShortcuts } from "../../app/keys";
import { useMe } from "../../app/me";
import { HoldDialog } from "../../parts/HoldDialog";
import type { HoldChange } from "../../wire/holds";
import type { Command } from "../../wire/types";
import { useWords } from "../../words/use";
import { CommandDialog } from "./CommandDialog";
import type { Shown } from "./data";

/** What may be done to the server; a record that is gone has nobody who would hear it, but a hold may wait for its return. */
export function Actions({ shown, onSent }: { shown: Shown; onSent(command: Command): void }) {
  const words = useWords();
  const me = useMe();
  const [hold, setHold] = useState<HoldChange | null>(null);
  const [sends, setSends] = useState(false);
  const mayAct = me?.rights.act === true;
  const gone = shown.row.gone !== null;
  const held = shown.row.record.drain?.holds.includes("ops") === true;
  const why = mayAct ? "" : words.common.takesRole(words.signIn.roles.operator);
  const change: HoldChange = held ? "undrain" : "drain";
  // The server that is open is meant, not the row that the table has marked.
  useShortcuts(
    [
      { keys: "d", run: () => (held ? false : setHold("drain")) },
      { keys: "u", run: () => (held ? setHold("undrain") : false) },
    ],
    mayAct && !gone,
  );
  // The observer has the wish; the record shows it once the server's agent has followed.
  const [asked, setAsked] = useState<HoldChange | null>(null);
  useEffect(() => setAsked(null), [held]);
  const finish = (done: boolean) => {
    setHold(null);
    if (done && hold !== null) {
      setAsked(hold);
      announce(words.hold.asked(hold === "drain" ? words.hold.drainOf(shown.key) : words.hold.undrainOf(shown.key)));
    }
  };
  if (gone) {
    return null;
  }
  return (
    <footer className="server-actions">
      <Tooltip title={why}>
        <span>
          <Button variant={held ? "outlined" : "contained"} disabled={!mayAct} onClick={() => setHold(change)} aria-haspopup="dialog" aria-label={held ? words.hold.undrainOf(shown.key) : words.hold.drainOf(shown.key)}>
            {held ? words.hold.undrain : words.hold.drain}
          </Button>
        </span>
      </Tooltip>
      <Tooltip title={why}>
        <span>
          <Button variant="outlined" disabled={!mayAct} onClick={() => setSends(true)} aria-haspopup="dialog" aria-label={words.server.commands.title(shown.key)}>
            {words.server.commands.send}
          </Button>
        </span>
      </Tooltip>
      {asked !== null && (
        <small className="dim" title={words.hold.askedHint}>
          {words.hold.asked(asked === "drain" ? words.hold.drain : words.hold.undrain)}
        </small>
      )}
      {!mayAct && me !== undefined && <small className="dim">{why}</small>}
      {hold !== null && <HoldDialog servers={[shown.key]} change={hold} onClose={finish} />}
      {sends && <CommandDialog server={shown.key} onClose={() => setSends(false)} onSent={onSent} />}
    </footer>
  );
}
