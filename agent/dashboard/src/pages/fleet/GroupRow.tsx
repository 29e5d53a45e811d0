import { memo, useSyncExternalStore } from "react";
import { STATUSES } from "../../fleet/row";
import { playersOf } from "../../fleet/tally";
import type { FleetView, GroupLine } from "../../fleet/view";
import { StatusIcon } from "../../parts/StatusPill";
import { grouped } from "../../words/time";
import { useSpoken } from "../../words/use";

/** The head of a group: its name, how many there are, and how many of each trouble. */
export const GroupRow = memo(function GroupRow({ view, line, index, top, group }: { view: FleetView; line: GroupLine; index: number; top: number; group: string }) {
  const { words } = useSpoken();
  useSyncExternalStore(view.subscribeSums, view.edition);
  const tally = view.group(line.group);
  const number = (value: number) => grouped(value);
  const players = tally === undefined ? null : playersOf(tally);
  const name = line.group === "" ? words.fleet.noGroup : line.group;
  return (
    <div role="row" className="row group" style={{ top }} aria-rowindex={index + 2} aria-expanded={line.open}>
      <span role="gridcell">
        <button type="button" onClick={() => view.toggle(line.group)} aria-expanded={line.open}>
          <span className="chevron" aria-hidden="true" data-open={line.open || undefined} />
          <span className="dim">{group}</span> <b>{name}</b>
        </button>
        {tally !== undefined && (
          <>
            <span className="num">{words.fleet.servers(number(tally.rows))}</span>
            {STATUSES.filter((status) => status !== "ready" && tally.byStatus[status] > 0).map((status) => (
              <span key={status} className="mark num" data-status={status} title={words.statuses[status]}>
                <StatusIcon status={status} />
                <span className="unseen">{words.statuses[status]}</span>
                {number(tally.byStatus[status])}
              </span>
            ))}
            <span className="dim num">{words.fleet.players(players === null ? words.common.none : number(players), number(tally.seats))}</span>
          </>
        )}
      </span>
    </div>
  );
});
