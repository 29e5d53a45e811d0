import { Button, FormHelperText, MenuItem, TextField, ToggleButton, ToggleButtonGroup } from "@mui/material";
import { useId, useMemo, useState, type KeyboardEvent } from "react";
import { useFleetSlowly } from "../../fleet/slowly";
import { useLive } from "../../fleet/use";
import { addTerm, choices, matching, type FilterName, type FormValues } from "./form";
import { useWords } from "./words";

interface Part {
  values: FormValues;
  change(part: Partial<FormValues>): void;
  error: string | undefined;
}

/** Which servers: a filter of chips, or names. */
export function Chooser({ values, change, error }: Part) {
  const words = useWords();
  const { form } = words.drains;
  return (
    <fieldset className="drain-fields">
      <legend>{form.which}</legend>
      <ToggleButtonGroup exclusive size="small" color="primary" value={values.by} aria-label={form.which} onChange={(_, by) => by !== null && change({ by })}>
        <ToggleButton value="filter">{form.byFilter}</ToggleButton>
        <ToggleButton value="servers">{form.byName}</ToggleButton>
      </ToggleButtonGroup>
      {values.by === "filter" ? <Filter values={values} change={change} error={error} /> : <Names values={values} change={change} error={error} />}
    </fieldset>
  );
}

function onEnter(run: () => void) {
  return (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      run();
    }
  };
}

function Chosen({ text, absent = false, remove }: { text: string; absent?: boolean; remove(): void }) {
  const words = useWords();
  return (
    <span className="chip" data-chosen="" data-absent={absent ? "" : undefined}>
      <bdi title={text}>{text}</bdi>
      <button type="button" aria-label={words.drains.form.remove(text)} onClick={remove}>
        <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" aria-hidden="true">
          <path d="M4.500 4.500l7 7M11.500 4.500l-7 7" />
        </svg>
      </button>
    </span>
  );
}

function Filter({ values, change, error }: Part) {
  const words = useWords();
  const { form } = words.drains;
  const { store } = useLive();
  const fleet = useFleetSlowly();
  const [name, setName] = useState<FilterName>("type");
  const [value, setValue] = useState("");
  const list = useId();
  const known = useMemo(() => choices(store.rows()), [store, fleet]);
  const count = useMemo(() => matching(store.rows(), values.filter).length, [store, fleet, values.filter]);
  const names: FilterName[] = ["type", "zone", "region", "group", "status", "tag", ...[...known.keys()].filter((each) => each.startsWith("label."))];
  const titleOf = (each: FilterName) => (each.startsWith("label.") ? form.label(each.slice("label.".length)) : form.parameters[each]);
  const offered = known.get(name) ?? [];
  const add = (chosen: string) => {
    if (chosen.trim() !== "") {
      change({ filter: addTerm(values.filter, { name, value: chosen.trim() }) });
      setValue("");
    }
  };
  return (
    <>
      <div className="drain-add">
        <TextField select label={form.parameter} value={name} onChange={(event) => setName(event.target.value as FilterName)}>
          {names.map((each) => (
            <MenuItem key={each} value={each}>
              {titleOf(each)}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          label={form.value}
          value={value}
          error={error !== undefined}
          onChange={(event) => setValue(event.target.value)}
          onKeyDown={onEnter(() => add(value))}
          slotProps={{ htmlInput: { list, autoComplete: "off", spellCheck: false } }}
        />
        <datalist id={list}>
          {offered.slice(0, 200).map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <Button onClick={() => add(value)} disabled={value.trim() === ""}>
          {form.add}
        </Button>
      </div>
      {offered.length > 0 && offered.length <= 8 && (
        <div className="drain-offers" role="group" aria-label={titleOf(name)}>
          {offered.map((each) => (
            <button key={each} type="button" className="chip" onClick={() => add(each)} disabled={values.filter.some((term) => term.name === name && term.value === each)}>
              <bdi>{each}</bdi>
            </button>
          ))}
        </div>
      )}
      {values.filter.length > 0 && (
        <div className="drain-chips">
          {values.filter.map((term) => {
            const text = `${titleOf(term.name)}: ${term.value}`;
            const remove = () => change({ filter: values.filter.filter((each) => each !== term) });
            return <Chosen key={text} text={text} remove={remove} />;
          })}
          <span className="dim num">{form.matches(count)}</span>
        </div>
      )}
      {error !== undefined && <FormHelperText error>{error}</FormHelperText>}
    </>
  );
}

const CHIPS_SHOWN = 60;

function Names({ values, change, error }: Part) {
  const words = useWords();
  const { form } = words.drains;
  const { store } = useLive();
  const fleet = useFleetSlowly();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const list = useId();
  const missing = useMemo(() => values.servers.filter((each) => store.row(each)?.gone !== null).length, [store, fleet, values.servers]);
  const offered = useMemo(() => {
    const begin = text.trim();
    return begin === "" ? [] : [...store.rows()].filter((row) => row.gone === null && row.key.includes(begin)).slice(0, 30);
  }, [store, text]);
  const add = () => {
    const named = text.split(/[\s,]+/).filter((each) => each !== "");
    const good = named.every((each) => /^[^/]+\/[^/]+$/.test(each));
    setWrong(!good);
    if (good && named.length > 0) {
      change({ servers: [...new Set([...values.servers, ...named])] });
      setText("");
    }
  };
  return (
    <>
      <div className="drain-add">
        <TextField
          label={form.server}
          value={text}
          error={wrong || error !== undefined}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onEnter(add)}
          slotProps={{ htmlInput: { list, autoComplete: "off", spellCheck: false } }}
        />
        <datalist id={list}>
          {offered.map((row) => (
            <option key={row.key} value={row.key} />
          ))}
        </datalist>
        <Button onClick={add} disabled={text.trim() === ""}>
          {form.add}
        </Button>
      </div>
      {(wrong || error !== undefined) && <FormHelperText error>{wrong ? form.notServer : error}</FormHelperText>}
      {values.servers.length > 0 && (
        <>
          <div className="drain-chosen">
            <span className="num">{form.chosen(values.servers.length)}</span>
            {missing > 0 && <span className="drain-missing num">{form.missing(missing)}</span>}
            <Button onClick={() => change({ servers: [] })}>{form.clear}</Button>
          </div>
          <div className="drain-chips">
            {values.servers.slice(0, CHIPS_SHOWN).map((each) => (
              <Chosen
                key={each}
                text={each}
                absent={store.row(each)?.gone !== null}
                remove={() => change({ servers: values.servers.filter((other) => other !== each) })}
              />
            ))}
            {values.servers.length > CHIPS_SHOWN && <span className="dim num">+{values.servers.length - CHIPS_SHOWN}</span>}
          </div>
        </>
      )}
    </>
  );
}
