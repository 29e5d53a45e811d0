import { shownStatus, type Row } from "./row";
import type { Drain, ServerHistory, ServerRecord, Transition } from "../wire/types";

/*
 * Why a server is as it is: facts from its row and its history, without words. words/LANGUAGE/why.ts makes the sentence.
 * It says no more than these know: where the history does not reach back, a time is "at least", and a count has its span.
 */
export interface Since {
  at: number;
  /** unsure: found out at `at`, and it was not so yet at `after`; atLeast: it may have been so for longer. */
  sure: "known" | "unsure" | "atLeast";
  after: number | null;
}

export type Cause =
  | { what: "probe"; probe: string; text: string }
  | { what: "flapping"; text: string }
  | { what: "reported"; text: string }
  | { what: "text"; text: string }
  | { what: "none" };

/** How often within the last 24 h, or as far as the history goes back. */
export interface Times {
  count: number;
  overMs: number;
}

export interface Before {
  status: string;
  forMs: number | null;
  reason: string | null;
}

export type Evidence =
  | { what: "reason"; said: string }
  | { what: "since"; since: Since }
  | { what: "times"; times: Times }
  | { what: "before"; before: Before }
  | { what: "hold"; drain: Drain }
  | { what: "deadline"; at: number }
  | { what: "players"; players: number; capacity: number | null }
  | { what: "playersThen"; players: number; capacity: number | null }
  | { what: "lastStatus"; status: string }
  | { what: "state"; said: string }
  | { what: "weight" }
  | { what: "signature" };

interface Common {
  since: Since | null;
  /** Many changes of status lately, and within which time. */
  restless: Times | null;
  evidence: Evidence[];
}

export type Why = Common &
  (
    | { kind: "error"; cause: Cause; times: Times | null; held: boolean }
    | { kind: "draining"; holds: string[]; by: string | null; reason: string | null; deadline: number | null; over: boolean; players: number | null }
    | { kind: "initializing"; cause: Cause; lastTookMs: number | null }
    | { kind: "shutting_down"; cause: Cause; players: number | null }
    | { kind: "offline"; why: string; goneAt: number; lastStatus: string; players: number | null }
    | { kind: "left"; goneAt: number }
    | { kind: "unknown"; status: string }
    | { kind: "ready"; players: number | null; capacity: number | null; full: boolean; held: boolean; before: Before | null }
  );

/** What is asked about: a row, or what the history has of a server that is in no row any more. */
export type Asked = Pick<Row, "record" | "gone" | "changedAt">;

const DAY_MS = 24 * 3600_000;
const LATELY_MS = 10 * 60_000;
const RESTLESS = 4;
const SHORTEST_SPAN_MS = 10 * 60_000;

export function causeOf(reason: string | undefined): Cause {
  const text = reason?.trim() ?? "";
  if (text === "") {
    return { what: "none" };
  }
  const probe = /^probe ([^:]+): (.*)$/s.exec(text);
  if (probe !== null) {
    return { what: "probe", probe: probe[1]!, text: probe[2]! };
  }
  const flapping = /^flapping: (.*)$/s.exec(text);
  if (flapping !== null) {
    return { what: "flapping", text: flapping[1]! };
  }
  const reported = /^the server reported (?:error|initializing|shutting_down)(?:: (.*))?$/s.exec(text);
  if (reported !== null) {
    return { what: "reported", text: reported[1] ?? "" };
  }
  return { what: "text", text };
}

/** The history has one word, "unknown", for all statuses that it does not know. */
function isSame(to: string | null, status: string): boolean {
  return to !== null && (to === status || (shownStatus(to) === "unknown" && shownStatus(status) === "unknown"));
}

/** Index of the transition that began the run of `status` that ends at `end`, or -1. */
function runBegin(transitions: readonly Transition[], end: number, status: string): number {
  let index = end;
  while (index >= 0 && isSame(transitions[index]!.to, status)) {
    index--;
  }
  return index === end ? -1 : index + 1;
}

function moment(text: string | null | undefined): number | null {
  const at = text == null ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** The transitions, and whether they have the present status already: a change may reach the page before the history is read again. */
function past(history: ServerHistory | null, status: string, gone: boolean) {
  const all = history?.transitions ?? [];
  const last = all.length - 1;
  const end = gone && all[last]?.kind === "went" ? last - 1 : last;
  return { all, end, begin: runBegin(all, end, status) };
}

type Past = ReturnType<typeof past>;

function sinceOf({ all, end, begin }: Past, changedAt: number | null): Since | null {
  const first = all[begin];
  if (first === undefined) {
    // Without a history it is the last change of the record, and the status may be older.
    return changedAt === null ? null : { at: changedAt, sure: end < 0 ? "atLeast" : "known", after: null };
  }
  const at = moment(first.at);
  if (at === null) {
    return null;
  }
  const cut = first.kind === "seen" || (begin === 0 && first.from === first.to);
  return { at, sure: cut ? "atLeast" : first.unsure ? "unsure" : "known", after: moment(first.after) };
}

function beforeOf({ all, end, begin }: Past): Before | null {
  const first = all[begin < 0 ? end + 1 : begin];
  const last = begin < 0 ? end : begin - 1;
  const before = all[last];
  if (before === undefined || before.to === null || before.kind === "went") {
    return null;
  }
  const start = runBegin(all, last, before.to);
  const from = moment(all[start]?.at);
  const to = moment(first?.at);
  const said = all.slice(Math.max(0, start), last + 1).reverse().find((each) => each.reason !== undefined && each.reason !== "");
  return { status: before.to, forMs: from === null || to === null ? null : to - from, reason: said?.reason ?? null };
}

/** Nothing is known of before the first transition, also where that is the server's coming: it may have been there before the observer. */
function spanOf(all: readonly Transition[], now: number): number {
  const first = moment(all[0]?.at);
  return first === null ? 0 : Math.min(DAY_MS, now - first);
}

/** A change of the status: not another reason, hold or life under the same one. */
function isChange(each: Transition): boolean {
  return each.to !== null && each.kind !== "seen" && each.from !== each.to;
}

function timesOf({ all, end, begin }: Past, status: string, now: number): Times | null {
  const overMs = spanOf(all, now);
  const began = moment(all[begin]?.at) ?? now;
  // That it is the first time says nothing where hardly anything is known of the time before.
  const beforeMs = overMs - (now - began);
  if (end < 0 || overMs < SHORTEST_SPAN_MS) {
    return null;
  }
  const found = all.filter((each) => each.to === status && (isChange(each) || each.kind === "seen") && now - Date.parse(each.at) <= overMs);
  const count = Math.max(1, found.length + (begin < 0 ? 1 : 0));
  return count === 1 && beforeMs < SHORTEST_SPAN_MS ? null : { count, overMs };
}

function restlessOf({ all }: Past, now: number): Times | null {
  const count = all.filter((each) => isChange(each) && now - Date.parse(each.at) <= LATELY_MS).length;
  return count >= RESTLESS ? { count, overMs: LATELY_MS } : null;
}

/** How long it took to get ready the last time, where the history has it whole. */
function lastTookOf({ all, begin }: Past): number | null {
  for (let index = (begin < 0 ? all.length : begin) - 1; index > 0; index--) {
    if (all[index]!.to === "ready" && all[index]!.from === "initializing" && !all[index]!.unsure) {
      const start = all[runBegin(all, index - 1, "initializing")];
      return start === undefined || start.kind === "seen" ? null : Date.parse(all[index]!.at) - Date.parse(start.at);
    }
  }
  return null;
}

function playersEvidence(what: "players" | "playersThen", record: ServerRecord): Evidence[] {
  return record.players === undefined ? [] : [{ what, players: record.players, capacity: record.capacity ?? null }];
}

function commonEvidence(record: ServerRecord, since: Since | null, times: Times | null, before: Before | null): Evidence[] {
  const found: Evidence[] = [];
  if (record.reason) {
    found.push({ what: "reason", said: record.reason });
  }
  if (since !== null) {
    found.push({ what: "since", since });
  }
  if (times !== null) {
    found.push({ what: "times", times });
  }
  if (before !== null) {
    found.push({ what: "before", before });
  }
  if (record.drain !== undefined) {
    found.push({ what: "hold", drain: record.drain });
    const deadline = moment(record.drain.deadline);
    if (deadline !== null) {
      found.push({ what: "deadline", at: deadline });
    }
  }
  return found;
}

function otherEvidence(record: ServerRecord): Evidence[] {
  const found: Evidence[] = [];
  if (record.customState) {
    found.push({ what: "state", said: record.customState });
  }
  if (record.weight === 0) {
    found.push({ what: "weight" });
  }
  if (record.signed === false) {
    found.push({ what: "signature" });
  }
  return found;
}

function goneWhy({ record, gone }: Asked, history: ServerHistory | null): Why {
  const goneAt = moment(gone!.goneAt) ?? 0;
  const went = history?.transitions.at(-1);
  const unsure = went?.kind === "went" && went.unsure;
  const since: Since = { at: goneAt, sure: unsure ? "unsure" : "known", after: unsure ? moment(went.after) : null };
  const before = beforeOf(past(history, gone!.status, true));
  const evidence: Evidence[] = [
    { what: "since", since },
    { what: "lastStatus", status: gone!.status },
    ...(record.reason ? [{ what: "reason", said: record.reason } as const] : []),
    ...(before === null ? [] : [{ what: "before", before } as const]),
    ...playersEvidence("playersThen", record),
    ...(record.drain === undefined ? [] : [{ what: "hold", drain: record.drain } as const]),
    ...otherEvidence(record),
  ];
  const common: Common = { since, restless: null, evidence };
  return gone!.why === "left"
    ? { ...common, kind: "left", goneAt }
    : { ...common, kind: "offline", why: gone!.why, goneAt, lastStatus: gone!.status, players: record.players ?? null };
}

function draining(record: ServerRecord, common: Common, now: number): Why {
  const { drain } = record;
  const deadline = moment(drain?.deadline);
  return {
    ...common,
    kind: "draining",
    holds: drain?.holds ?? [],
    by: drain?.by || null,
    reason: drain?.reason || (drain === undefined ? record.reason || null : null),
    deadline,
    over: deadline !== null && deadline <= now,
    players: record.players ?? null,
  };
}

/** `now`: the observer's clock. `history`: null where it is not known (yet). */
export function whyOf(asked: Asked, history: ServerHistory | null, now: number): Why {
  const { record } = asked;
  if (asked.gone !== null) {
    return goneWhy(asked, history);
  }
  const then = past(history, record.status, false);
  const since = sinceOf(then, asked.changedAt);
  const before = beforeOf(then);
  const cause = causeOf(record.reason);
  const times = record.status === "error" ? timesOf(then, "error", now) : null;
  const evidence = [...commonEvidence(record, since, times, before), ...playersEvidence("players", record), ...otherEvidence(record)];
  const common: Common = { since, restless: cause.what === "flapping" ? null : restlessOf(then, now), evidence };
  const players = record.players ?? null;
  const capacity = record.capacity ?? null;
  const held = record.drain !== undefined;
  switch (shownStatus(record.status)) {
    case "error":
      return { ...common, kind: "error", cause, times, held };
    case "draining":
      return draining(record, common, now);
    case "initializing":
      return { ...common, kind: "initializing", cause, lastTookMs: lastTookOf(then) };
    case "shutting_down":
      return { ...common, kind: "shutting_down", cause, players };
    case "ready": {
      const full = players !== null && capacity !== null && players >= capacity;
      const fresh = since !== null && since.sure !== "atLeast" && now - since.at < LATELY_MS;
      return { ...common, kind: "ready", players, capacity, full, held, before: fresh ? before : null };
    }
    default:
      return { ...common, kind: "unknown", status: record.status };
  }
}

/** The same for a cell of the table, of the row alone and without ages: it need not tick. */
export type ShortWhy =
  | { kind: "none" }
  | { kind: "said"; text: string }
  | { kind: "draining"; by: string | null; reason: string | null }
  | { kind: "offline"; why: string; lastStatus: string; players: number | null }
  | { kind: "unknown"; status: string }
  | { kind: "full" }
  | { kind: "held" };

export function shortWhy(row: Asked): ShortWhy {
  const { record, gone } = row;
  if (gone !== null) {
    return { kind: "offline", why: gone.why, lastStatus: gone.status, players: record.players ?? null };
  }
  switch (shownStatus(record.status)) {
    case "unknown":
      return record.reason ? { kind: "said", text: record.reason } : { kind: "unknown", status: record.status };
    case "draining":
      return record.drain?.by || record.drain?.reason
        ? { kind: "draining", by: record.drain.by || null, reason: record.drain.reason || null }
        : said(record.reason);
    case "ready":
      if (record.drain !== undefined) {
        return { kind: "held" };
      }
      return record.players !== undefined && record.capacity !== undefined && record.players >= record.capacity ? { kind: "full" } : { kind: "none" };
    default:
      return said(record.reason);
  }
}

function said(text: string | undefined): ShortWhy {
  return text ? { kind: "said", text } : { kind: "none" };
}
