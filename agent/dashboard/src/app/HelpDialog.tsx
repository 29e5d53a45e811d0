import { Button, Dialog, DialogActions, DialogContent, DialogTitle } from "@mui/material";
import { Fragment, useId, useState } from "react";
import { useWords } from "../words/use";
import { hideHelp } from "./help";
import { listOf, type Shortcut } from "./keyboard";
import { shortcutsNow } from "./keys";
import { LettersSwitch } from "./Letters";

function Keys({ keys }: { keys: string }) {
  const { shell } = useWords();
  return keys.split(/(?<=.) (?=.)/).map((key, index) => (
    <Fragment key={index}>
      {index > 0 && <span className="dim"> {shell.keyboard.then} </span>}
      <kbd>{shell.keyNames[key] ?? key}</kbd>
    </Fragment>
  ));
}

function List({ title, shortcuts }: { title: string; shortcuts: readonly Shortcut[] }) {
  const { shell } = useWords();
  return (
    <section>
      <h3>{title}</h3>
      {shortcuts.length === 0 && <p className="dim">{shell.keyboard.none}</p>}
      <dl className="shortcuts">
        {shortcuts.map(({ keys, does }) => (
          <div key={String(keys)}>
            <dt>
              {listOf(keys).map((each, index) => (
                <Fragment key={each}>
                  {index > 0 && <span className="dim"> {shell.keyboard.or} </span>}
                  <Keys keys={each} />
                </Fragment>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The shortcuts that work now, and the switch of those that are a single character. */
export default function HelpDialog() {
  const words = useWords();
  const title = useId();
  const [shown] = useState(() => shortcutsNow().filter((each) => each.does !== undefined));
  return (
    <Dialog open onClose={hideHelp} aria-labelledby={title} maxWidth="sm" fullWidth>
      <DialogTitle id={title}>{words.shell.keyboard.title}</DialogTitle>
      <DialogContent className="help">
        <List title={words.shell.keyboard.page} shortcuts={shown.filter((each) => each.group !== "anywhere")} />
        <List title={words.shell.keyboard.anywhere} shortcuts={shown.filter((each) => each.group === "anywhere")} />
        <LettersSwitch />
      </DialogContent>
      <DialogActions>
        <Button onClick={hideHelp}>{words.common.close}</Button>
      </DialogActions>
    </Dialog>
  );
}
