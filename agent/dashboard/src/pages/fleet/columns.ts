import type { Sort } from "../../fleet/order";

/** The columns that may be hidden; select, status and server are always there. */
export const COLUMNS = ["why", "players", "zone", "map", "host", "version", "changed", "drain"] as const;
export type Column = (typeof COLUMNS)[number];

/** The columns of an address: "why,players", or null for all. */
export function columnsOf(text: string | null): readonly Column[] {
  if (text === null) {
    return COLUMNS;
  }
  const names = new Set(text.split(","));
  return COLUMNS.filter((each) => names.has(each));
}

export function writeColumns(columns: readonly Column[]): string | null {
  return columns.length === COLUMNS.length ? null : columns.join(",");
}

export const HEADS = ["select", "status", "id", ...COLUMNS] as const;
export type Head = (typeof HEADS)[number];

/** What a column sorts by. */
export const sortOf: Partial<Record<Head, Sort>> = {
  status: "trouble",
  id: "id",
  players: "players",
  zone: "zone",
  map: "map",
  host: "host",
  version: "version",
  changed: "changed",
  drain: "drain",
};

const widths: Record<Head, string> = {
  select: "40px",
  status: "156px",
  id: "minmax(170px, 1.2fr)",
  why: "minmax(180px, 1.8fr)",
  players: "128px",
  zone: "72px",
  map: "88px",
  host: "142px",
  version: "84px",
  changed: "80px",
  drain: "minmax(120px, 1.1fr)",
};

/** For grid-template-columns. */
export function template(columns: readonly Column[]): string {
  return (["select", "status", "id", ...columns] as Head[]).map((each) => widths[each]).join(" ");
}
