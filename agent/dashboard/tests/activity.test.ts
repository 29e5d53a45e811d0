import { describe, expect, it } from "vitest";
import { areaPath, linePath, niceMax, seriesOf, stack, ticks } from "../src/pages/activity/chart";
import { append, filterOf, KEPT_MAX, mark, matches, prepend, searchOf, type Entry, type Filter } from "../src/pages/activity/log";
import type { ActivityPage, FleetHistory, ServerRecord } from "../src/wire/types";
import type { Row } from "../src/fleet/row";

const entry = (seq: number, part: Partial<Entry> = {}): Entry => ({
  seq,
  at: "2026-11-30T07:07:54.448Z",
  unsure: false,
  after: null,
  type: "world",
  id: "w1",
  kind: "status",
  from: "ready",
  to: "error",
  ...part,
});

const page = (next: number | null, ...seqs: number[]): ActivityPage => ({ transitions: seqs.map((seq) => entry(seq)), next, stale: false, now: "" });
const seqs = (log: { entries: readonly Entry[] } | null) => log?.entries.map((each) => each.seq);

describe("the list of what happened", () => {
  const log = { entries: [entry(9), entry(8)], next: 8 };

  it("grows at its end without a number twice", () => {
    const longer = append(log, page(5, 8, 7, 5));
    expect(seqs(longer)).toEqual([9, 8, 7, 5]);
    expect(longer.next).toBe(5);
  });

  it("takes no older ones that do not join on: the list began again while they were read", () => {
    const again = { entries: [entry(40), entry(30)], next: 30 };
    expect(append(again, page(5, 7, 5), 8)).toBe(again);
  });

  it("takes what is new, and keeps its own end", () => {
    const newer = prepend(log, page(8, 12, 10, 9, 8));
    expect(seqs(newer)).toEqual([12, 10, 9, 8]);
    expect(newer?.next).toBe(8);
    expect(seqs(prepend(log, page(8, 9, 8)))).toEqual([9, 8]);
  });

  it("begins again where the new page does not join on", () => {
    expect(prepend(log, page(20, 30, 20))).toBeNull();
    expect(prepend(log, page(null, 3, 2))).toBeNull();
    // Another observer has the same number for something else.
    expect(prepend(log, { ...page(null), transitions: [entry(9, { id: "w2" })] })).toBeNull();
    expect(prepend({ entries: [], next: null }, page(null, 1))).toBeNull();
  });

  it("does not grow without end", () => {
    const full = { entries: Array.from({ length: KEPT_MAX }, (_, at) => entry(KEPT_MAX + 1 - at)), next: null };
    const newer = prepend(full, page(null, KEPT_MAX + 2, KEPT_MAX + 1));
    expect(newer?.entries.length).toBe(KEPT_MAX);
    expect(newer?.next).toBe(3);
  });
});

describe("a filter of what happened", () => {
  const filter = (part: Partial<Filter>): Filter => ({ kinds: [], type: "", text: "", ...part });
  const one = entry(1, { reason: "probe game: connection refused", drain: { holds: ["ops"], by: "olga@desk" } });

  it("asks for the kind, the type and each word", () => {
    expect(matches(one, filter({}))).toBe(true);
    expect(matches(one, filter({ kinds: ["went", "status"] }))).toBe(true);
    expect(matches(one, filter({ kinds: ["went"] }))).toBe(false);
    expect(matches(one, filter({ type: "lobby" }))).toBe(false);
    expect(matches(one, filter({ text: "WORLD/w1 refused" }))).toBe(true);
    expect(matches(one, filter({ text: "olga" }))).toBe(true);
    expect(matches(one, filter({ text: "refused timeout" }))).toBe(false);
  });

  it("survives the address", () => {
    const full = filter({ kinds: ["status", "went"], type: "world", text: "a&b=c" });
    expect(filterOf(searchOf(full))).toEqual(full);
    expect(filterOf("kind=status,nothing")).toEqual(filter({ kinds: ["status"] }));
    expect(searchOf(filter({}))).toBe("");
  });
});

describe("what makes the page ask for news", () => {
  const row = (part: Partial<ServerRecord>): Row => ({ key: "world/w1", record: { id: "w1", type: "world", status: "ready", ...part }, status: "ready", gone: null, changedAt: null });

  it("is a status, a reason, a hold or a start, and no players", () => {
    const before = mark(row({ players: 1 }));
    expect(mark(row({ players: 2, updatedAt: "x" }))).toBe(before);
    for (const part of [{ status: "error" }, { reason: "x" }, { startedAt: "x" }, { drain: { holds: ["ops"] } }]) {
      expect(mark(row(part))).not.toBe(before);
    }
    expect(mark(undefined)).toBe("");
  });
});

describe("the chart of the fleet", () => {
  const none = [null, null, null];
  const type = (ready: (number | null)[], players: (number | null)[]) => ({
    players,
    seats: players,
    servers: { ready, initializing: none, draining: none, shutting_down: none, error: none, unknown: none },
  });
  const history: FleetHistory = {
    minutes: 3,
    step: 60,
    until: "2026-11-30T07:10:00.000Z",
    types: { world: type([1, 1, 2], [5, null, 7]), lobby: type([null, 1, 1], [null, null, 3]) },
    stale: false,
    now: "",
  };

  it("adds the types, and knows what nobody knows", () => {
    expect(seriesOf(history, "").players).toEqual([5, null, 10]);
    expect(seriesOf(history, "").servers.ready).toEqual([1, 2, 3]);
    expect(seriesOf(history, "lobby").players).toEqual([null, null, 3]);
    expect(seriesOf(history, "").servers.error).toEqual([null, null, null]);
  });

  it("has a gap where nothing is known", () => {
    const box = { width: 20, height: 10, max: 10 };
    expect(linePath([0, 10, null, 5, 5], box)).toBe("M0 10L5 0M15 5L20 5");
    expect(areaPath([0, null, 0], [10, null, 5], box)).toBe("M0 0L0 10ZM20 5L20 10Z");
  });

  it("puts one layer upon the other", () => {
    expect(stack([[1, null, 2], [3, null, null]])).toEqual([
      [0, null, 0],
      [1, null, 2],
      [4, null, 2],
    ]);
  });

  it("ends at a round number", () => {
    expect([0, 1, 7, 60, 61, 101, 9999].map(niceMax)).toEqual([1, 1, 8, 60, 80, 150, 10000]);
  });

  it("writes full hours below a day", () => {
    const day = ticks({ ...seriesOf(history, ""), minutes: 1440 });
    expect(day.length).toBeGreaterThanOrEqual(5);
    expect(day.every(({ at }) => new Date(at).getMinutes() === 0)).toBe(true);
  });
});
