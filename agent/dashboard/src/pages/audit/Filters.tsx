import { Button, MenuItem, TextField } from "@mui/material";
import { useId } from "react";
import { KNOWN_WHATS, OUTCOMES, pathOf, searchOf, SPANS, everything, type Asked } from "./query";
import { useWords } from "./words";

const EXPORT_MAX = 1000;

export function Filters({ asked, ask, withWho }: { asked: Asked; ask(asked: Asked): void; withWho: boolean }) {
  const { audit } = useWords();
  const list = useId();
  const plain = { autoComplete: "off", spellCheck: false };
  return (
    <>
      <div className="audit-filters" role="group" aria-label={audit.filters}>
        {withWho && <TextField label={audit.who} value={asked.who} onChange={(event) => ask({ ...asked, who: event.target.value })} slotProps={{ htmlInput: plain }} />}
        <TextField label={audit.what} placeholder={audit.whatHint} value={asked.what} onChange={(event) => ask({ ...asked, what: event.target.value })} slotProps={{ htmlInput: { ...plain, list } }} />
        <datalist id={list}>
          {KNOWN_WHATS.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <TextField label={audit.target} placeholder={audit.targetHint} value={asked.target} onChange={(event) => ask({ ...asked, target: event.target.value })} slotProps={{ htmlInput: plain }} />
        <Choice label={audit.outcome} value={asked.outcome} choose={(outcome) => ask({ ...asked, outcome: outcome as Asked["outcome"] })} of={[["", audit.any], ...OUTCOMES.map((each) => [each, audit.outcomes[each]] as const)]} />
        <Choice label={audit.span} value={asked.span} choose={(span) => ask({ ...asked, span: span as Asked["span"] })} of={SPANS.map((each) => [each, audit.spans[each]!] as const)} />
        {asked.span === "other" &&
          (["from", "to"] as const).map((name) => (
            <TextField key={name} type="datetime-local" label={audit[name]} value={asked[name]} onChange={(event) => ask({ ...asked, [name]: event.target.value })} slotProps={{ inputLabel: { shrink: true } }} />
          ))}
        {searchOf(asked) !== "" && <Button onClick={() => ask(everything)}>{audit.clear}</Button>}
      </div>
      <div className="audit-export dim">
        <span>{audit.export}:</span>
        {(["csv", "jsonl"] as const).map((format) => (
          <a key={format} href={pathOf(asked, { limit: EXPORT_MAX, format })} download={`audit.${format}`} title={audit.exportHint}>
            {audit[format]}
          </a>
        ))}
        <small>{audit.exportHint}</small>
      </div>
    </>
  );
}

interface ChoicePart {
  label: string;
  value: string;
  choose(value: string): void;
  of: readonly (readonly [string, string])[];
}

function Choice({ label, value, choose, of }: ChoicePart) {
  return (
    <TextField select label={label} value={value} onChange={(event) => choose(event.target.value)} slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}>
      {of.map(([each, text]) => (
        <MenuItem key={each} value={each}>
          {text}
        </MenuItem>
      ))}
    </TextField>
  );
}
