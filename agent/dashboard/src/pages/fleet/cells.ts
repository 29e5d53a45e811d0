import type { Row } from "../../fleet/row";
import { shortWhy } from "../../fleet/why";
import type { HoldChange } from "../../wire/holds";
import { plain } from "../../words/parts";
import { shortDuration } from "../../words/time";
import type { Words } from "../../words/en";

// What the cells of a server say.

/** So long the edge of a row tells that its status is another. */
const EDGE_MS = 60_000;

export function isFresh(row: Row, now: number): boolean {
  return row.seenChanging === true && row.changedAt !== null && now - row.changedAt < EDGE_MS;
}

/** How long the deadline of its drain is off; "" without one. */
export function leftOf(row: Row, now: number, words: Words): string {
  const deadline = row.record.drain?.deadline;
  if (deadline === undefined) {
    return "";
  }
  const left = Date.parse(deadline) - now;
  return left > 0 ? shortDuration(left, words) : words.fleet.over;
}

/** A status that the page has found so is at least as old as the last change of the record. */
export function ageOf({ changedAt, seenChanging }: Row, now: number, words: Words): string {
  if (changedAt === null || Number.isNaN(changedAt)) {
    return words.common.none;
  }
  return `${seenChanging === true ? "" : "≥ "}${shortDuration(now - changedAt, words)}`;
}

export function whyOf(row: Row, words: Words): string {
  return plain(words.why.short(shortWhy(row)), words, 0);
}

export function addressOf({ record: { host, ports } }: Row): string | undefined {
  return host === undefined || ports?.[0] === undefined ? host : `${host}:${ports[0]}`;
}

export function drainOf(row: Row, asked: HoldChange | undefined, words: Words): string {
  if (asked !== undefined) {
    return words.fleet.asked[asked];
  }
  const { drain } = row.record;
  return drain === undefined ? "" : [drain.by, drain.reason].filter(Boolean).join(": ") || drain.holds.join(", ");
}

/** How full it is, 0 to 1; null where it does not tell. */
export function loadOf({ record: { players, capacity } }: Row): number | null {
  if (players === undefined || capacity === undefined) {
    return null;
  }
  return capacity === 0 ? 0 : Math.min(1, players / capacity);
}
