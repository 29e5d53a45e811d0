import { STATUSES, type Key, type Row } from "./row";

// In which order rows stand. A comparison looks at values alone, never at the clock: a row moves when it changes, at no other time.

export const SORTS = ["trouble", "id", "players", "zone", "map", "host", "version", "changed", "drain"] as const;
export type Sort = (typeof SORTS)[number];

export const GROUPS = ["type", "region", "zone", "host", "version"] as const;
/** One of GROUPS, "label.NAME", or "" for none. */
export type Group = string;

export interface Order {
  readonly sort: Sort;
  readonly descending: boolean;
  readonly group: Group;
}

export const TROUBLE_FIRST: Order = { sort: "trouble", descending: false, group: "" };

/** Negative: a before b. 0: they may stand in any order. */
export type Compare = (a: Row, b: Row) => number;

const ranks = Object.fromEntries(STATUSES.map((status, index) => [status, index])) as Record<string, number>;
const keys = new Map<Key, string>();
const KEPT_KEYS = 100_000;

/** A text whose plain order is that of people: w2 before w10. */
export function natural(text: string): string {
  let kept = keys.get(text);
  if (kept === undefined) {
    if (keys.size >= KEPT_KEYS) {
      keys.clear();
    }
    // A number is as long as it is large: its length first.
    kept = text.replace(/\d+/g, (digits) => {
      const bare = digits.replace(/^0+(?=\d)/, "");
      return String.fromCharCode(48 + Math.min(bare.length, 9)) + bare;
    });
    keys.set(text, kept);
  }
  return kept;
}

function texts(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  const left = natural(a);
  const right = natural(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function byKey(a: Row, b: Row): number {
  return texts(a.key, b.key) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

type Value = (row: Row) => string | number | undefined;

const values: Record<Exclude<Sort, "trouble">, Value> = {
  id: (row) => row.key,
  players: (row) => row.record.players,
  zone: (row) => row.record.zone,
  map: (row) => row.record.labels?.map,
  host: (row) => row.record.host,
  version: (row) => row.record.version,
  changed: (row) => (row.changedAt === null || Number.isNaN(row.changedAt) ? undefined : row.changedAt),
  drain: (row) => row.record.drain?.deadline ?? row.record.drain?.since,
};

function byValue(value: Value, descending: boolean): Compare {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === undefined || right === undefined) {
      // What is not known comes last, in both directions.
      return left === right ? 0 : left === undefined ? 1 : -1;
    }
    const order = typeof left === "number" && typeof right === "number" ? left - right : texts(String(left), String(right));
    return order * sign;
  };
}

function byTrouble(descending: boolean): Compare {
  const sign = descending ? -1 : 1;
  return (a, b) => (ranks[a.status]! - ranks[b.status]!) * sign;
}

/** The group that a row is in; "" where it has no such value. */
export function groupOf(group: Group): (row: Row) => string {
  if (group.startsWith("label.")) {
    const name = group.slice("label.".length);
    return (row) => row.record.labels?.[name] ?? "";
  }
  const read = group as (typeof GROUPS)[number];
  return (row) => row.record[read] ?? "";
}

/** Groups by name, what has none last; then by the column; then by type and id, so that equals keep their places. */
export function compareFor({ sort, descending, group }: Order): Compare {
  const column = sort === "trouble" ? byTrouble(descending) : byValue(values[sort], descending);
  if (group === "") {
    return (a, b) => column(a, b) || byKey(a, b);
  }
  const of = groupOf(group);
  return (a, b) => {
    const left = of(a);
    const right = of(b);
    if (left !== right) {
      return left === "" ? 1 : right === "" ? -1 : texts(left, right) || (left < right ? -1 : 1);
    }
    return column(a, b) || byKey(a, b);
  };
}
