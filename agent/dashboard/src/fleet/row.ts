import type { Gone, ServerRecord } from "../wire/types";

/** "TYPE/ID": no type has a slash. */
export type Key = string;

export const STATUSES = ["error", "offline", "shutting_down", "draining", "initializing", "unknown", "ready"] as const;
/** What a row shows: the status of the record; "offline": the record is gone and its server did not leave by itself; "unknown": a status that this page does not know. */
export type ShownStatus = (typeof STATUSES)[number];

/** One row of the table. A row never changes: an update makes another one. */
export interface Row {
  readonly key: Key;
  readonly record: ServerRecord;
  readonly status: ShownStatus;
  /** Where the record is gone. */
  readonly gone: Gone | null;
  /** When the status became this one, as far as known: milliseconds of the observer's clock. */
  readonly changedAt: number | null;
  /** The page has seen it become this one, rather than found it so. */
  readonly seenChanging?: boolean;
}

export function keyOf(server: { type: string; id: string }): Key {
  return `${server.type}/${server.id}`;
}

const known = new Set<string>(["error", "shutting_down", "draining", "initializing", "ready"]);

export function shownStatus(status: string): ShownStatus {
  return known.has(status) ? (status as ShownStatus) : "unknown";
}

/** Whether what a GM must see at once is another: status, reason, holds. */
export function isUrgent(before: ServerRecord, after: ServerRecord): boolean {
  return (
    before.status !== after.status ||
    before.reason !== after.reason ||
    before.drain?.by !== after.drain?.by ||
    before.drain?.since !== after.drain?.since ||
    before.drain?.deadline !== after.drain?.deadline ||
    before.drain?.reason !== after.drain?.reason
  );
}
