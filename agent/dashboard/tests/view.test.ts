import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseFilter } from "../src/fleet/filter";
import { Holds, SETTLE_MS } from "../src/fleet/holds";
import { SortedRows } from "../src/fleet/list";
import { compareFor, natural, TROUBLE_FIRST, type Order } from "../src/fleet/order";
import type { Row } from "../src/fleet/row";
import { FleetStore } from "../src/fleet/store";
import { FleetView, isGroup } from "../src/fleet/view";
import { playersOf, playersOn } from "../src/fleet/tally";
import type { ServerRecord } from "../src/wire/types";

const server = (id: string, part: Partial<ServerRecord> = {}): ServerRecord => ({ id, type: "world", status: "ready", players: 1, capacity: 10, zone: "a", ...part });

/** A store whose flushes happen at once. */
function made(records: ServerRecord[], text = "", order: Order = TROUBLE_FIRST) {
  const store = new FleetStore({ nextFrame: (run) => run(), calm: (run) => run() });
  store.replace(records, []);
  const view = new FleetView(store, parseFilter(text), order, 0);
  view.follow();
  const shown = () => view.shown().lines.map((line) => (isGroup(line) ? `[${line.group}]` : line.key.slice(6)));
  return { store, view, shown };
}

describe("the order", () => {
  it("counts as people do", () => {
    expect(["w10", "w9", "w2", "w010", "w1"].sort((a, b) => (natural(a) < natural(b) ? -1 : natural(a) > natural(b) ? 1 : 0))).toEqual(["w1", "w2", "w9", "w10", "w010"]);
  });

  it("has trouble first, and what is not known last whatever the direction", () => {
    const rows = [server("a"), server("b", { status: "error" }), server("c", { status: "draining", players: undefined }), server("d", { players: 5 })];
    expect(made(rows).shown()).toEqual(["b", "c", "a", "d"]);
    expect(made(rows, "", { sort: "players", descending: true, group: "" }).shown()).toEqual(["d", "a", "b", "c"]);
    expect(made(rows, "", { sort: "players", descending: false, group: "" }).shown()).toEqual(["a", "b", "d", "c"]);
  });

  it("is the same, change by change or many at once, as if it were sorted again", () => {
    const compare = compareFor({ sort: "players", descending: true, group: "" });
    const make = (index: number, players: number | undefined): Row => {
      const record = server(`w${index}`, { players });
      return { key: `world/w${index}`, record, status: "ready", gone: null, changedAt: null };
    };
    let seed = 7;
    const next = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    const rows = new Map(Array.from({ length: 200 }, (_, index) => [index, make(index, next(50))] as const));
    const sorted = new SortedRows(rows.values(), compare);
    for (const many of [1, 1, 2, 5, 11, 12, 13, 40, 100, 1, 199]) {
      const changes = [...new Set(Array.from({ length: many }, () => next(220)))].map((index) => {
        const before = rows.get(index);
        const after = next(10) === 0 ? undefined : make(index, next(8) === 0 ? undefined : next(50));
        if (after === undefined) {
          rows.delete(index);
        } else {
          rows.set(index, after);
        }
        return { before, after };
      });
      sorted.change(changes);
      expect(sorted.rows.map((row) => row.key)).toEqual([...rows.values()].sort(compare).map((row) => row.key));
    }
  });
});

describe("a view", () => {
  it("counts on its pills what each of them gets one", () => {
    const { view, store } = made([server("a"), server("b", { status: "error" }), server("c", { status: "error", zone: "b" })], "status:ready zone:a");
    expect(view.pills.byStatus).toMatchObject({ ready: 1, error: 1 });
    expect(view.sums).toMatchObject({ rows: 1, players: 1, seats: 10 });
    store.update(server("b", { players: 7 }));
    store.update(server("c", { zone: "a", status: "ready", players: 3 }));
    expect(view.pills.byStatus).toMatchObject({ ready: 3, error: 0 });
    expect(view.sums).toMatchObject({ rows: 3, players: 11, seats: 30 });
    store.remove("world/a");
    expect(view.sums).toMatchObject({ rows: 2, players: 10 });
  });

  it("counts the values of a facet without what the filter asks of it", () => {
    const { view } = made([server("a"), server("b", { zone: "b" }), server("c", { zone: "b", status: "error" })], "zone:a status:ready");
    expect(view.values("zone", ({ record }) => [record.zone!])).toEqual(new Map([["a", 1], ["b", 1]]));
  });

  it("moves rows at once while nothing holds them", () => {
    const { store, shown } = made([server("a"), server("b")]);
    store.update(server("b", { status: "error" }));
    store.update(server("0"));
    expect(shown()).toEqual(["b", "0", "a"]);
  });

  it("keeps its lines while cells change", () => {
    const { store, view } = made([server("a"), server("b")]);
    const { lines } = view.shown();
    store.update(server("b", { players: 9 }));
    expect(view.shown().lines).toBe(lines);
    expect(view.sums.players).toBe(10);
  });

  it("holds rows, counts what waits, and applies it when they are let go", () => {
    const { store, view, shown } = made([server("a"), server("b"), server("c")]);
    view.hold(true);
    store.update(server("c", { status: "error" }));
    store.update(server("d"));
    store.remove("world/a");
    expect(shown()).toEqual(["a", "b", "c"]);
    expect(view.shown().waiting).toEqual({ moved: 1, came: 1, went: 1 });
    store.remove("world/d");
    store.update(server("a"));
    expect(view.shown().waiting).toEqual({ moved: 2, came: 0, went: 0 });
    view.hold(false);
    expect(shown()).toEqual(["c", "a", "b"]);
    expect(view.shown().waiting).toEqual({ moved: 0, came: 0, went: 0 });
  });

  it("applies what waits when asked, and holds on", () => {
    const { store, view, shown } = made([server("a"), server("b")]);
    view.hold(true);
    store.update(server("b", { status: "error" }));
    view.apply();
    expect(shown()).toEqual(["b", "a"]);
    store.update(server("b"));
    expect(shown()).toEqual(["b", "a"]);
  });

  it("holds rows when the whole fleet comes again, and shows another filter at once", () => {
    const { store, view, shown } = made([server("a"), server("b")]);
    view.hold(true);
    store.replace([server("b"), server("c")], []);
    expect(shown()).toEqual(["a", "b"]);
    expect(view.shown().waiting).toEqual({ moved: 0, came: 1, went: 1 });
    view.show(parseFilter("c"), TROUBLE_FIRST);
    expect(shown()).toEqual(["c"]);
  });

  it("groups, with what has no group last, and closes a group", () => {
    const order: Order = { sort: "trouble", descending: false, group: "zone" };
    const { store, view, shown } = made([server("a", { zone: "z2" }), server("b", { zone: "z10" }), server("c", { zone: undefined }), server("d", { zone: "z2", status: "error" })], "", order);
    expect(shown()).toEqual(["[z2]", "d", "a", "[z10]", "b", "[]", "c"]);
    expect(view.group("z2")).toMatchObject({ rows: 2, players: 2, byStatus: { error: 1 } });
    view.toggle("z2");
    expect(shown()).toEqual(["[z2]", "[z10]", "b", "[]", "c"]);
    store.update(server("b", { zone: "z2" }));
    expect(shown()).toEqual(["[z2]", "[]", "c"]);
    expect(view.group("z10")).toBeUndefined();
  });

  it("tells which version is the odd one out", () => {
    const { store, view } = made([server("a", { version: "1" }), server("b", { version: "1" }), server("c", { version: "2" })]);
    expect(["a", "b", "c"].map((id) => view.versions.isOdd(store.row(`world/${id}`)!))).toEqual([false, false, true]);
    const edition = view.versions.edition();
    store.update(server("a", { version: "2" }));
    expect(view.versions.isOdd(store.row("world/b")!)).toBe(true);
    expect(view.versions.edition()).not.toBe(edition);
  });
});

describe("what holds the rows", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("are a pointer, a selection, a menu, and three seconds after a key", () => {
    const told: boolean[] = [];
    const holds = new Holds((held) => told.push(held));
    holds.set("pointer", true);
    holds.touch();
    holds.set("pointer", false);
    expect(told).toEqual([true]);
    vi.advanceTimersByTime(SETTLE_MS - 1);
    holds.touch();
    vi.advanceTimersByTime(SETTLE_MS - 1);
    expect(told).toEqual([true]);
    vi.advanceTimersByTime(2);
    expect(told).toEqual([true, false]);
  });
});

describe("how many are shown of how many", () => {
  it("is told of one moment: never more than there are", () => {
    const { store, view } = made([server("a"), server("b")]);
    const all = () => [view.shown().matched, view.shown().all];
    store.update(server("c"));
    expect(all()).toEqual([3, 3]);
    store.offline({ type: "world", id: "d", status: "ready", goneAt: "2026-01-01T00:00:00Z", why: "lease_expired", record: server("d") });
    expect(all()).toEqual([4, 4]);
    view.hold(true);
    store.remove("world/a");
    expect(all()).toEqual([4, 4]);
    expect(view.shown().waiting.went).toBe(1);
    view.hold(false);
    expect(all()).toEqual([3, 3]);
  });

  it("follows those that do not pass the filter", () => {
    const { store, view } = made([server("a")], "zone:a");
    store.update(server("b", { zone: "b" }));
    expect(view.shown()).toMatchObject({ matched: 1, all: 2 });
  });
});

describe("the players of some servers", () => {
  it("are not known where no server tells them, and that is not 0", () => {
    const { store, view } = made([server("a", { players: undefined }), server("b", { players: undefined })]);
    expect(playersOf(view.sums)).toBeNull();
    store.update(server("b", { players: 0 }));
    expect(playersOf(view.sums)).toBe(0);
    store.remove("world/b");
    expect(playersOf(view.sums)).toBeNull();
    store.remove("world/a");
    expect(playersOf(view.sums)).toBe(0);
  });

  it("are those of now: who is gone has none", () => {
    const { store } = made([server("a", { players: 3 }), server("b", { players: 4 })]);
    store.offline({ type: "world", id: "b", status: "ready", goneAt: "2026-01-01T00:00:00Z", why: "lease_expired", record: server("b", { players: 4 }) });
    expect(playersOn([store.row("world/a"), store.row("world/b"), undefined])).toBe(3);
  });
});
