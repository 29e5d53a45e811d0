import { memo, type CSSProperties } from "react";
import { places } from "../../app/places";
import type { Key, Row } from "../../fleet/row";
import { useRow } from "../../fleet/use";
import type { Versions } from "../../fleet/tally";
import { shortWhy } from "../../fleet/why";
import { useTicking } from "../../parts/Age";
import { StatusIcon } from "../../parts/StatusPill";
import { serverNow } from "../../wire/clock";
import type { HoldChange } from "../../wire/holds";
import { plain } from "../../words/parts";
import { shortDuration } from "../../words/time";
import { useWords } from "../../words/use";
import type { Words } from "../../words/en";
import type { Column } from "./columns";

/*
 * A row is another one many times a second while somebody scrolls: plain elements with classes, no component, no handler and no
 * title in a cell. The table listens for all rows: what is pressed says so in data-act, and titles.ts gives a cell its title once
 * it is pointed at.
 */
export interface RowProps {
  rowKey: Key;
  /** Where it stands, for aria-rowindex. */
  index: number;
  top: number;
  columns: readonly Column[];
  versions: Versions;
  /** Another number once another version is the one that most have. */
  odd: number;
  selected: boolean;
  active: boolean;
  opened: boolean;
  asked: HoldChange | undefined;
  search: string;
}

/** So long the edge of a row tells that its status is another. */
const EDGE_MS = 60_000;

export function rowId(key: Key): string {
  return `row-${encodeURIComponent(key)}`;
}

function isFresh(row: Row, now: number): boolean {
  return row.seenChanging === true && row.changedAt !== null && now - row.changedAt < EDGE_MS;
}

function leftOf(row: Row, now: number, words: Words): string {
  const deadline = row.record.drain?.deadline;
  if (deadline === undefined) {
    return "";
  }
  const left = Date.parse(deadline) - now;
  return left > 0 ? shortDuration(left, words) : words.fleet.over;
}

/** All of a row that depends on the time, as one text: one reader of the clock for a row. */
function tickOf(row: Row | undefined, words: Words): string {
  if (row === undefined) {
    return "||";
  }
  const now = serverNow();
  // A status that the page has found so is at least as old as the last change of the record.
  const age = row.changedAt === null || Number.isNaN(row.changedAt) ? words.common.none : `${row.seenChanging === true ? "" : "≥ "}${shortDuration(now - row.changedAt, words)}`;
  return `${isFresh(row, now) ? "fresh" : ""}|${age}|${leftOf(row, now, words)}`;
}

function players(row: Row) {
  const { players: there, capacity } = row.record;
  if (there === undefined) {
    return (
      <span key="players" className="players dim" role="gridcell">
        –{capacity === undefined ? "" : ` / ${capacity}`}
      </span>
    );
  }
  const load = capacity === undefined || capacity === 0 ? 0 : Math.min(1, there / capacity);
  return (
    <span key="players" className="players num" role="gridcell">
      {there}
      {capacity !== undefined && <span className="dim"> / {capacity}</span>}
      {capacity !== undefined && <i className="load" data-full={load >= 1 || undefined} style={{ backgroundSize: `${Math.round(load * 100)}% 100%` }} />}
    </span>
  );
}

function drainText(row: Row, words: Words, asked: HoldChange | undefined): string {
  if (asked !== undefined) {
    return words.fleet.asked[asked];
  }
  const { drain } = row.record;
  return drain === undefined ? "" : [drain.by, drain.reason].filter(Boolean).join(": ") || drain.holds.join(", ");
}

interface CellProps {
  column: Column;
  row: Row;
  words: Words;
  versions: Versions;
  age: string;
  left: string;
  asked: HoldChange | undefined;
}

function text(column: Column, value: string | undefined) {
  return (
    <span key={column} className={column} role="gridcell">
      {value === undefined ? <span className="dim">–</span> : value}
    </span>
  );
}

function cell({ column, row, words, versions, age, left, asked }: CellProps) {
  const { record } = row;
  switch (column) {
    case "why":
      return text("why", plain(words.why.short(shortWhy(row)), words, 0));
    case "players":
      return players(row);
    case "zone":
      return text("zone", record.zone);
    case "map":
      return text("map", record.labels?.map);
    case "host": {
      const address = record.host === undefined ? undefined : `${record.host}${record.ports?.[0] === undefined ? "" : `:${record.ports[0]}`}`;
      return (
        <span key="host" className="host mono" role="gridcell">
          {address === undefined ? <span className="dim">–</span> : <button type="button" tabIndex={-1} data-act="copy">{address}</button>}
        </span>
      );
    }
    case "version": {
      const odd = versions.isOdd(row);
      return (
        <span key="version" className="version" role="gridcell" data-odd={odd || undefined}>
          {record.version ?? <span className="dim">–</span>}
        </span>
      );
    }
    case "changed":
      return text("changed", age);
    case "drain": {
      const drain = drainText(row, words, asked);
      return (
        <span key="drain" className="drain" role="gridcell" data-asked={asked}>
          {left !== "" && row.status !== "draining" && <b className="num">{left}</b>} {drain}
        </span>
      );
    }
  }
}

export const TableRow = memo(function TableRow({ rowKey, index, top, columns, versions, selected, active, opened, asked, search }: RowProps) {
  const words = useWords();
  const row = useRow(rowKey);
  const [fresh, age, left] = useTicking(() => tickOf(row, words)).split("|") as [string, string, string];
  const place: CSSProperties = { top };
  const slash = rowKey.indexOf("/");
  return (
    <div
      role="row"
      id={active ? rowId(rowKey) : undefined}
      className="row"
      style={place}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-key={rowKey}
      data-status={row?.status ?? "offline"}
      data-fresh={fresh || undefined}
      data-active={active || undefined}
      data-opened={opened || undefined}
      data-gone={row === undefined || row.gone !== null || undefined}
    >
      <span className="select" role="gridcell" data-act="select">
        <i className="box" />
      </span>
      <span className="pill" role="gridcell">
        <span className="status">
          <StatusIcon status={row?.status ?? "offline"} />
          {words.statuses[row?.status ?? "offline"]}
          {left !== "" && row?.status === "draining" && <b className="num">{left}</b>}
        </span>
      </span>
      <span className="id" role="gridcell">
        <a href={places.server(rowKey) + search} tabIndex={-1} data-act="open">
          <span className="dim">{rowKey.slice(0, slash + 1)}</span>
          {rowKey.slice(slash + 1)}
        </a>
      </span>
      {row === undefined ? (
        <span className="why" role="gridcell">
          {words.fleet.gone}
        </span>
      ) : (
        columns.map((column) => cell({ column, row, words, versions, age, left, asked }))
      )}
    </div>
  );
});
