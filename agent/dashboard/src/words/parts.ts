import { duration } from "./time";
import type { Words } from "./en";

// A sentence in pieces. What others wrote stays apart from our own words, so that it can be shown isolated and cut; a span of
// time stays a moment, so that it ticks.
export type Part =
  | string
  /** Text of somebody else: a reason, a name. */
  | { said: string }
  /** How long ago that moment was. */
  | { since: number }
  /** How long it is until then. */
  | { until: number }
  /** A span of time. */
  | { ms: number };

/** The sentence as text, at a moment of the observer's clock. */
export function plain(parts: readonly Part[], words: Words, now: number): string {
  return parts.map((part) => (typeof part === "string" ? part : "said" in part ? part.said : duration(span(part, now), words))).join("");
}

export function span(part: { since: number } | { until: number } | { ms: number }, now: number): number {
  return "since" in part ? now - part.since : "until" in part ? part.until - now : part.ms;
}
