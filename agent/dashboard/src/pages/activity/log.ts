// The list of transitions without React: how pages and news become one list, and what a filter leaves of it.
import type { Row } from "../../fleet/row";
import type { ActivityPage, Transition } from "../../wire/types";

export type Entry = ActivityPage["transitions"][number];
export type Kind = Exclude<Transition["kind"], "seen">;
export const KINDS: readonly Kind[] = ["status", "went", "came", "restart", "drain", "undrain", "reason"];

export interface Log {
  /** The newest first, each number once. */
  entries: readonly Entry[];
  /** `before` of the page that follows; null: there is none. */
  next: number | null;
}

/** So many are kept in the page: more are asked for again. */
export const KEPT_MAX = 5000;

/** Adds older ones, which were asked for `before` a number. A list that ends elsewhere by now would have a hole: it stays as it is. */
export function append(log: Log, page: ActivityPage, before: number | null = log.next): Log {
  if (log.next !== before) {
    return log;
  }
  const last = log.entries.at(-1)?.seq ?? Number.POSITIVE_INFINITY;
  return { entries: [...log.entries, ...page.transitions.filter((each) => each.seq < last)], next: page.next };
}

/**
 * Adds the newest page. Null where it does not join on: more happened than a page has, or another observer with numbers of its own
 * answered; then the page is the list.
 */
export function prepend(log: Log, page: ActivityPage): Log | null {
  const newest = log.entries[0];
  if (newest === undefined || page.transitions.length === 0) {
    return null;
  }
  const at = page.transitions.findIndex((each) => each.seq === newest.seq);
  if (at < 0 || page.transitions[at]!.at !== newest.at || page.transitions[at]!.id !== newest.id) {
    return null;
  }
  const entries = [...page.transitions.slice(0, at), ...log.entries];
  return entries.length > KEPT_MAX ? { entries: entries.slice(0, KEPT_MAX), next: entries[KEPT_MAX - 1]!.seq } : { entries, next: log.next };
}

export interface Filter {
  /** Empty: all. */
  kinds: readonly Kind[];
  type: string;
  text: string;
}

export const everything: Filter = { kinds: [], type: "", text: "" };

export function matches(entry: Entry, filter: Filter): boolean {
  if (filter.kinds.length > 0 && !filter.kinds.includes(entry.kind as Kind)) {
    return false;
  }
  if (filter.type !== "" && entry.type !== filter.type) {
    return false;
  }
  const words = filter.text.toLowerCase().split(/\s+/).filter((each) => each !== "");
  if (words.length === 0) {
    return true;
  }
  const text = [`${entry.type}/${entry.id}`, entry.kind, entry.from, entry.to, entry.reason, entry.why, entry.drain?.by, entry.drain?.reason]
    .filter((each) => each != null)
    .join("\n")
    .toLowerCase();
  return words.every((each) => text.includes(each));
}

export function filterOf(search: string): Filter {
  const parameters = new URLSearchParams(search);
  const kinds = (parameters.get("kind") ?? "").split(",").filter((each): each is Kind => (KINDS as readonly string[]).includes(each));
  return { kinds, type: parameters.get("type") ?? "", text: parameters.get("text") ?? "" };
}

export function searchOf(filter: Filter): string {
  const parameters = new URLSearchParams();
  if (filter.kinds.length > 0) {
    parameters.set("kind", filter.kinds.join(","));
  }
  for (const name of ["type", "text"] as const) {
    if (filter[name] !== "") {
      parameters.set(name, filter[name]);
    }
  }
  return parameters.toString();
}

/** What of a row a transition is made of: while it is the same nothing new is to be read. Players are not in it. */
export function mark(row: Row | undefined): string {
  if (row === undefined) {
    return "";
  }
  const { record } = row;
  return [row.status, record.status, record.reason, record.startedAt, record.drain?.since, record.drain?.by, record.drain?.reason, record.drain?.holds.join(",")].join("\n");
}
