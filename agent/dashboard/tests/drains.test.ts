import { describe, expect, it } from "vitest";
import { addTerm, bodyOf, choices, fieldOf, initialValues, matching, problems, type FormValues } from "../src/pages/drains/form";
import { countServers, difference, ordersOf, planTotals, segments, through, total, waitsOf, waveCount, wavesOf, waveSize } from "../src/pages/drains/model";
import type { DrainServer, ManyDrain, Plan, PlannedServer } from "../src/wire/drains";
import type { Row } from "../src/fleet/row";
import type { ServerRecord } from "../src/wire/types";

const counts = (part: Partial<ManyDrain["counts"]>): ManyDrain["counts"] => ({ waiting: 0, draining: 0, empty: 0, gone: 0, skipped: 0, failed: 0, ...part });

const drain = (part: Partial<ManyDrain>): ManyDrain => ({
  id: "01M8NN2HQGK82RT32CR69P9DZN",
  state: "running",
  by: "olga",
  reason: "patch",
  wave: { size: 2 },
  freeSeats: 0,
  keepOne: true,
  pause: null,
  settle: "5s",
  deadline: null,
  onError: { stopAfter: 1 },
  then: "stay",
  undone: false,
  createdAt: "2026-11-30T07:17:56.592Z",
  changedAt: "2026-11-30T07:17:56.592Z",
  atWave: 1,
  waves: 2,
  counts: counts({ waiting: 4 }),
  holds: 0,
  ...part,
});

const planned = (server: string, part: Partial<PlannedServer> = {}): PlannedServer => ({
  server,
  wave: 1,
  status: "ready",
  held: false,
  region: "kr",
  zone: "a",
  players: 4,
  warnings: [],
  ...part,
});

const plan = (...servers: PlannedServer[]): Plan => ({ planHash: "966ae5c3158351ff", waves: [], servers, freeSeats: 0 });

describe("the arithmetic of waves", () => {
  it("reckons a wave as the observer does", () => {
    expect(waveSize("3", 10)).toBe(3);
    expect(waveSize("10%", 4)).toBe(1);
    expect(waveSize("50%", 5)).toBe(3);
    expect(waveSize("100%", 7)).toBe(7);
    expect(waveCount("40%", 9)).toBe(3);
    expect(waveCount("20%", 36)).toBe(5);
    expect(waveCount("500", 3)).toBe(1);
  });

  it("takes no size that the observer refuses", () => {
    for (const size of ["", "0", "0%", "101%", "501", "-1", "1.5", "2 %", "ten"]) {
      expect(waveSize(size, 10)).toBeNull();
    }
  });

  it("fills a bar with what there is, and nothing else", () => {
    const of = counts({ empty: 1, failed: 1, draining: 2, waiting: 4 });
    expect(segments(of)).toEqual([
      { state: "empty", count: 1, percent: 12.5 },
      { state: "failed", count: 1, percent: 12.5 },
      { state: "draining", count: 2, percent: 25 },
      { state: "waiting", count: 4, percent: 50 },
    ]);
    expect([through(of), total(of)]).toEqual([2, 8]);
    expect(segments(counts({}))).toEqual([]);
  });

  it("sorts servers into their waves", () => {
    const server = (name: string, wave: number, state: DrainServer["state"]): DrainServer => ({ server: name, wave, state, held: false });
    const waves = wavesOf([server("w/a", 1, "empty"), server("w/b", 1, "draining"), server("w/c", 2, "waiting")]);
    expect(waves.map((wave) => [wave.wave, wave.servers.length, through(wave.counts)])).toEqual([
      [1, 2, 1],
      [2, 1, 0],
    ]);
    expect(countServers([])).toEqual(counts({}));
  });

  it("sums a plan up, and knows what is not known", () => {
    const of: Plan = {
      ...plan(planned("w/a"), planned("w/b", { players: null, warnings: ["playersUnknown"] })),
      waves: [
        { servers: 1, players: 4, freeSeatsAfter: 12, belowFreeSeats: false },
        { servers: 1, players: 0, freeSeatsAfter: 2, belowFreeSeats: true },
      ],
    };
    expect(planTotals(of)).toEqual({ servers: 2, waves: 2, players: 4, unknown: 1, warned: 1, below: 1 });
  });
});

describe("the difference of two plans", () => {
  it("has what came, what went, and what is another", () => {
    const before = plan(planned("w/a"), planned("w/b"), planned("w/c"), planned("w/d"));
    const after = plan(planned("w/a", { players: 9 }), planned("w/b", { status: "error" }), planned("w/d", { held: true }), planned("w/e", { zone: null }));
    expect(difference(before, after)).toEqual([
      { server: "w/b", was: "ready, zone a", is: "error, zone a" },
      { server: "w/d", was: "ready, zone a", is: "ready, zone a, held" },
      { server: "w/e", was: null, is: "ready" },
      { server: "w/c", was: "ready, zone a", is: null },
    ]);
  });

  it("is empty where only the order is another", () => {
    expect(difference(plan(planned("w/a"), planned("w/b")), plan(planned("w/b"), planned("w/a")))).toEqual([]);
  });
});

describe("what may be done to a drain", () => {
  it("is what the observer allows", () => {
    expect(ordersOf(drain({ holds: 2 }))).toEqual(["pause", "cancel", "undo"]);
    expect(ordersOf(drain({ state: "stopped", holds: 1 }))).toEqual(["resume", "cancel", "undo"]);
    expect(ordersOf(drain({ state: "cancelled", holds: 1 }))).toEqual(["undo"]);
    expect(ordersOf(drain({ state: "undoing", holds: 1 }))).toEqual([]);
  });

  it("is no undo where there is no hold", () => {
    expect(ordersOf(drain({}))).toEqual(["pause", "cancel"]);
    expect(ordersOf(drain({ state: "done" }))).toEqual([]);
  });
});

describe("what a drain waits for", () => {
  const waitsFor = { text: "12 players to leave 1 server", for: ["players"], servers: 1, unknown: 0, players: 12, settling: 0, next: "world/w1", until: null };

  it("is nothing once it is over", () => {
    expect(waitsOf(drain({ state: "done", counts: counts({ draining: 1 }), waitsFor }))).toEqual([]);
  });

  it("is what the observer says, before what the page guesses", () => {
    const one = drain({ counts: counts({ draining: 2, waiting: 2 }), freeSeats: 10, maxDraining: 2 });
    expect(waitsOf(one)).toEqual([{ kind: "players", servers: 2, players: null, unknown: 0 }]);
    expect(waitsOf({ ...one, waitsFor: null })).toEqual(waitsOf(one));
    expect(waitsOf({ ...one, waitsFor: { ...waitsFor, for: ["players", "maxDraining", "freeSeats"] } })).toEqual([
      { kind: "players", servers: 1, players: 12, unknown: 0 },
      { kind: "maxDraining", next: "world/w1", most: 2 },
      { kind: "freeSeats", next: "world/w1", floor: 10 },
    ]);
  });

  it("has the observer's own sentence where a word is not known", () => {
    expect(waitsOf(drain({ waitsFor: { ...waitsFor, for: ["players", "the moon"] } }))).toEqual([{ kind: "told", text: waitsFor.text }]);
  });

  it("is the end of the pause between two waves", () => {
    const until = "2026-11-30T07:18:00.000Z";
    expect(waitsOf(drain({ pauseUntil: until }))).toEqual([{ kind: "pause", until: Date.parse(until) }]);
    expect(waitsOf(drain({ waitsFor: { ...waitsFor, for: ["pause"], until } }))).toEqual([{ kind: "pause", until: Date.parse(until) }]);
  });

  it("is an operator first where it is paused or stopped, who is asked for once", () => {
    expect(waitsOf(drain({ state: "paused", waitsFor: { ...waitsFor, for: ["operator", "players"] } })).map((each) => each.kind)).toEqual(["paused", "players"]);
    expect(waitsOf(drain({ state: "stopped", why: "world/w1: in error" }))).toEqual([{ kind: "stopped", why: "world/w1: in error" }]);
  });
});

describe("the form", () => {
  const values: FormValues = { ...initialValues, filter: [{ name: "type", value: "world" }], reason: " patch " };

  it("makes a body that has no empty member", () => {
    expect(JSON.parse(JSON.stringify(bodyOf(values)))).toEqual({
      filter: { type: "world" },
      reason: "patch",
      wave: { size: 1 },
      freeSeats: 0,
      keepOne: true,
      settle: "5s",
      deadline: "30m",
      onError: { stopAfter: 1 },
      then: "stay",
    });
    expect(bodyOf({ ...values, size: "10%" }).wave).toEqual({ size: "10%" });
  });

  it("gives a tag several values, and a zone one", () => {
    let terms = addTerm([], { name: "tag", value: "pvp" });
    terms = addTerm(terms, { name: "tag", value: "eu" });
    terms = addTerm(terms, { name: "tag", value: "eu" });
    terms = addTerm(terms, { name: "zone", value: "a" });
    terms = addTerm(terms, { name: "zone", value: "b" });
    expect(bodyOf({ ...values, filter: terms }).filter).toEqual({ tag: ["pvp", "eu"], zone: "b" });
  });

  it("says what is wrong beside its field", () => {
    expect(problems(values)).toEqual({});
    expect(problems({ ...values, filter: [] })).toEqual({ filter: "noFilter" });
    expect(problems({ ...values, by: "servers" })).toEqual({ servers: "noServers" });
    expect(problems({ ...values, size: "0", freeSeats: "", maxDraining: "0", pause: "30x" })).toEqual({
      size: "size",
      freeSeats: "number",
      maxDraining: "number",
      pause: "duration",
    });
  });

  it("knows the field of what the observer refuses", () => {
    expect(fieldOf("bad_body", 'pause: must be a duration such as "30s", at most 24h', "filter")).toBe("pause");
    expect(fieldOf("bad_body", "wave.size: must be a number from 1 to 500", "filter")).toBe("size");
    expect(fieldOf("bad_body", "onError.stopAfter: must be a number from 0 to 500", "filter")).toBe("stopAfter");
    expect(fieldOf("no_such_service", "no service a/b in the fleet", "servers")).toBe("servers");
    expect(fieldOf("bad_body", "unknown parameter `typ`: this path takes type", "filter")).toBe("filter");
    expect(fieldOf("too_many_drains", "16 drains are under way already: cancel or undo one", "filter")).toBeNull();
  });

  it("finds the servers of a filter as the observer does", () => {
    const row = (record: Partial<ServerRecord> & { id: string }): Row => ({
      key: `world/${record.id}`,
      record: { type: "world", status: "ready", ...record },
      status: "ready",
      gone: null,
      changedAt: null,
    });
    const rows = [row({ id: "a", zone: "a", tags: ["pvp"], labels: { map: "x" } }), row({ id: "b", zone: "a" }), { ...row({ id: "c", zone: "a" }), gone: {} as Row["gone"] }];
    const ids = (found: Row[]) => found.map((each) => each.record.id);
    expect(ids(matching(rows, [{ name: "zone", value: "a" }]))).toEqual(["a", "b"]);
    expect(ids(matching(rows, [{ name: "zone", value: "a" }, { name: "tag", value: "pvp" }]))).toEqual(["a"]);
    expect(ids(matching(rows, [{ name: "label.map", value: "y" }]))).toEqual([]);
    expect([...choices(rows).keys()]).toEqual(["type", "status", "zone", "tag", "label.map"]);
  });
});
