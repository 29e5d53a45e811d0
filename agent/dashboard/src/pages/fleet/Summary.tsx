import { memo, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { chosen, toggled, writeFilter, without, type Filter } from "../../fleet/filter";
import { STATUSES } from "../../fleet/row";
import type { FleetView } from "../../fleet/view";
import { playersOf } from "../../fleet/tally";
import { Sparkline } from "../../parts/Sparkline";
import { StatusIcon } from "../../parts/StatusPill";
import { get } from "../../wire/http";
import type { FleetHistory } from "../../wire/types";
import { grouped } from "../../words/time";
import { useSpoken } from "../../words/use";
import { lastHour } from "./lastHour";

/** The order of the pills: what is well first, then what is not, the worst last but at the same place always. */
const PILLS = ["ready", "initializing", "draining", "shutting_down", "error", "offline", "unknown"] as const satisfies readonly (typeof STATUSES)[number][];

interface Props {
  view: FleetView;
  filter: Filter;
  onFilter(text: string): void;
}

const EACH_MS = 60_000;

/** The history of the fleet, read each minute while somebody looks. */
function useHistory(): FleetHistory | null {
  const [history, setHistory] = useState<FleetHistory | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const read = () => {
      if (!document.hidden) {
        get<FleetHistory>("/api/fleet/history", abort.signal).then(setHistory, () => {}); // without it there is no line
      }
    };
    read();
    const timer = window.setInterval(read, EACH_MS);
    document.addEventListener("visibilitychange", read);
    return () => {
      abort.abort();
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", read);
    };
  }, []);
  return history;
}

function usePlayers(types: ReadonlySet<string>) {
  const history = useHistory();
  return useMemo(() => (history === null ? null : lastHour(history, types)), [history, types]);
}

/** The last hour is known of types alone: with another filter there is no line. */
const Chart = memo(function Chart({ filter }: { filter: Filter }) {
  const types = useMemo(() => chosen(filter, "type"), [filter]);
  const fits = filter.terms.every((term) => term.field === "type" && !term.not && term.op === ":" && !term.values.some((value) => value.includes("*")));
  const values = usePlayers(types);
  return <span className="summary-chart">{fits && values !== null && values.filter((each) => each !== null).length > 1 && <Sparkline values={values} />}</span>;
});

export const Summary = memo(function Summary({ view, filter, onFilter }: Props) {
  const { words } = useSpoken();
  useSyncExternalStore(view.subscribeSums, view.edition);
  const on = chosen(filter, "status");
  const { pills, sums } = view;
  const number = (value: number) => grouped(value);
  const known = playersOf(sums);
  const players = known === null ? words.common.none : number(known);
  return (
    <div className="summary">
      <div className="pills" role="group" aria-label={words.fleet.columns.status}>
        <button type="button" className="pill-all" aria-pressed={on.size === 0} onClick={() => onFilter(writeFilter(without(filter, "status")))}>
          {words.fleet.all} <b className="num">{number(pills.rows)}</b>
        </button>
        {PILLS.filter((status) => status !== "unknown" || pills.byStatus.unknown > 0 || on.has("unknown")).map((status) => (
          <button
            key={status}
            type="button"
            data-status={status}
            data-none={pills.byStatus[status] === 0 || undefined}
            aria-pressed={on.has(status)}
            onClick={() => onFilter(toggled(filter, "status", status))}
          >
            <StatusIcon status={status} />
            {words.statuses[status]} <b className="num">{number(pills.byStatus[status])}</b>
          </button>
        ))}
      </div>
      <div className="summary-players" title={words.fleet.players(players, number(sums.seats))}>
        <Chart filter={filter} />
        <span>
          <b className="num">{players}</b> <span className="dim num">/ {number(sums.seats)}</span>
          <span className="dim summary-word"> {words.fleet.playersWord}</span>
        </span>
      </div>
    </div>
  );
});
