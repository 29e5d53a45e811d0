import { Alert, Button, MenuItem, TextField } from "@mui/material";
import { useEffect, useMemo, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { places } from "../../app/places";
import { useFleetSlowly } from "../../fleet/slowly";
import { useLive, useLiveness } from "../../fleet/use";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import { ApiError } from "../../wire/http";
import { useSpoken } from "../../words/use";
import { useActivity } from "./data";
import { EntryList } from "./EntryList";
import { FleetChart } from "./FleetChart";
import { everything, filterOf, KINDS, matches, searchOf, type Entry, type Filter, type Kind } from "./log";
import { useWords } from "./words";
import "./activity.css";

/** Scrolled so far, the list does not move under the reader. */
const TOP_PX = 40;

function useAtTop(): boolean {
  const [top, setTop] = useState(true);
  useEffect(() => {
    const look = () => setTop(window.scrollY < TOP_PX);
    look();
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  return top;
}

export default function ActivityPage() {
  const { activity } = useWords();
  const words = useWords();
  const [filter, setFilter] = useFilter();
  const { log, error, busy, more, again } = useActivity();
  const liveness = useLiveness();
  const atTop = useAtTop();
  // A pointer or the focus is in the list.
  const [inside, setInside] = useState(false);
  const still = !atTop || inside;
  // The newest that is shown while the list must not move.
  const [held, setHeld] = useState<number | null>(null);
  const newest = log?.entries[0]?.seq ?? null;
  useEffect(() => {
    setHeld((before) => (still ? (before ?? newest) : null));
  }, [still]);
  const found = useMemo(() => (log?.entries ?? []).filter((entry) => matches(entry, filter)), [log, filter]);
  // Numbers of another observer may be lower than what is held: then there is nothing to hold.
  const hold = held !== null && newest !== null && held <= newest ? held : null;
  const before = hold === null ? found : found.filter((entry) => entry.seq <= hold);
  // After a long absence the list may have none of those that it had.
  const shown = before.length === 0 ? found : before;
  const news = found.length - shown.length;
  const off = error instanceof ApiError && error.code === "history_off";

  const toTop = () => {
    setHeld(still ? newest : null);
    window.scrollTo({ top: 0 });
  };
  return (
    <div className="pad activity">
      <h1>{words.nav.activity}</h1>
      {off && <Alert severity="info">{activity.off}</Alert>}
      {error !== null && !off && <Trouble error={error} retry={again} />}
      {liveness.stale !== null && log !== null && <Alert severity="warning">{activity.stale}</Alert>}
      {!off && <FleetChart type={filter.type} />}
      {!off && <Filters filter={filter} change={setFilter} />}
      {news > 0 && (
        <div className="activity-news">
          <Button variant="contained" onClick={toTop} title={activity.newsHint}>
            {activity.news(news)}
          </Button>
        </div>
      )}
      {log === null && error === null && <Waiting text={activity.loading} />}
      {log !== null && <Shown still={setInside} entries={shown} any={log.entries.length > 0} last={log.entries.at(-1)} more={log.next === null ? null : more} busy={busy} filtered={searchOf(filter) !== ""} />}
    </div>
  );
}

/** In the address, so that it can be sent to somebody. */
function useFilter(): [Filter, (filter: Filter) => void] {
  const search = useSearch();
  const [, go] = useLocation();
  const filter = useMemo(() => filterOf(search), [search]);
  return [
    filter,
    (next) => {
      const text = searchOf(next);
      go(text === "" ? places.activity : `${places.activity}?${text}`, { replace: true });
    },
  ];
}

function Filters({ filter, change }: { filter: Filter; change(filter: Filter): void }) {
  const { activity } = useWords();
  const { store } = useLive();
  const fleet = useFleetSlowly();
  const types = useMemo(() => [...new Set([...[...store.rows()].map((row) => row.record.type), ...(filter.type === "" ? [] : [filter.type])])].sort(), [store, fleet, filter.type]);
  const toggle = (kind: Kind) => change({ ...filter, kinds: filter.kinds.includes(kind) ? filter.kinds.filter((each) => each !== kind) : [...filter.kinds, kind] });
  return (
    <div className="activity-filters" role="group" aria-label={activity.filters}>
      <TextField
        label={activity.text}
        placeholder={activity.textHint}
        value={filter.text}
        onChange={(event) => change({ ...filter, text: event.target.value })}
        slotProps={{ htmlInput: { autoComplete: "off", spellCheck: false } }}
      />
      <TextField select label={activity.type} value={filter.type} onChange={(event) => change({ ...filter, type: event.target.value })} slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}>
        <MenuItem value="">{activity.allTypes}</MenuItem>
        {types.map((type) => (
          <MenuItem key={type} value={type}>
            {type}
          </MenuItem>
        ))}
      </TextField>
      <div className="activity-kinds" role="group" aria-label={activity.kind}>
        {KINDS.map((kind) => (
          <button key={kind} type="button" aria-pressed={filter.kinds.includes(kind)} onClick={() => toggle(kind)}>
            {activity.kinds[kind]}
          </button>
        ))}
      </div>
      {searchOf(filter) !== "" && <Button onClick={() => change(everything)}>{activity.clear}</Button>}
    </div>
  );
}

interface ShownPart {
  /** Told whether the reader points at an entry. */
  still(inside: boolean): void;
  entries: Entry[];
  any: boolean;
  last: Entry | undefined;
  more: (() => void) | null;
  busy: boolean;
  filtered: boolean;
}

function Shown({ still, entries, any, last, more, busy, filtered }: ShownPart) {
  const { activity } = useWords();
  const { language } = useSpoken();
  const when = last && new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(Date.parse(last.at));
  return (
    <>
      {entries.length > 0 ? <EntryList entries={entries} still={still} /> : <p className="activity-none dim">{any ? activity.none : activity.empty}</p>}
      <div className="activity-end dim">
        {more !== null ? (
          <Button onClick={more} disabled={busy} variant="outlined">
            {activity.older}
          </Button>
        ) : (
          any && activity.end
        )}
        {filtered && more !== null && when !== undefined && <span>{activity.back(when)}</span>}
      </div>
    </>
  );
}
