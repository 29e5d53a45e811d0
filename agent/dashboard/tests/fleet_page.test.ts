import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AskedHolds, FORGET_MS } from "../src/fleet/asked";
import { Seldom } from "../src/fleet/seldom";
import { FleetStore } from "../src/fleet/store";
import { readAddress, writeAddress } from "../src/pages/fleet/address";
import { COLUMNS } from "../src/pages/fleet/columns";
import { nextOrder } from "../src/pages/fleet/Head";
import { lastHour } from "../src/pages/fleet/lastHour";
import { targetsOf } from "../src/pages/fleet/many";
import type { FleetHistory, ServerRecord } from "../src/wire/types";

const server = (id: string, part: Partial<ServerRecord> = {}): ServerRecord => ({ id, type: "world", status: "ready", ...part });

describe("the address of the fleet", () => {
  it("says nothing of what is as usual", () => {
    expect(writeAddress(readAddress(""), "")).toBe("");
  });

  it("is the same after it was read", () => {
    for (const search of ["q=status%3Aerror+w1&group=zone&sort=-players&columns=why%2Czone", "group=label.map", "sort=host", "sort=-trouble"]) {
      expect(writeAddress(readAddress(search), "")).toBe(search);
    }
  });

  it("leaves out what this page does not know, and keeps the parameters of others", () => {
    const address = readAddress("sort=colour&group=colour&columns=why,colour&tab=raw");
    expect(address.order).toEqual({ sort: "trouble", descending: false, group: "" });
    expect(address.columns).toEqual(["why"]);
    expect(writeAddress({ ...address, columns: COLUMNS }, "sort=colour&tab=raw")).toBe("tab=raw");
  });
});

describe("the head of a column", () => {
  it("sorts, then the other way round, then by trouble again; numbers from their large end", () => {
    const first = nextOrder({ sort: "trouble", descending: false, group: "zone" }, "players");
    const second = nextOrder(first, "players");
    expect([first, second, nextOrder(second, "players")]).toEqual([
      { sort: "players", descending: true, group: "zone" },
      { sort: "players", descending: false, group: "zone" },
      { sort: "trouble", descending: false, group: "zone" },
    ]);
    expect(nextOrder({ sort: "trouble", descending: false, group: "" }, "id").descending).toBe(false);
  });
});

describe("the players of the last hour", () => {
  const history = (types: FleetHistory["types"]): FleetHistory => ({ minutes: 2, step: 60, until: "", types, stale: false, now: "" });

  it("are those of the types, where a minute without a value stays without one", () => {
    const all = history({ world: { players: [1, null, 3], seats: [], servers: {} }, lobby: { players: [null, null, 4], seats: [], servers: {} } });
    expect(lastHour(all, new Set()).slice(-4)).toEqual([null, 1, null, 7]);
    expect(lastHour(all, new Set(["world"])).slice(-3)).toEqual([1, null, 3]);
    expect(lastHour(all, new Set())).toHaveLength(60);
  });

  it("are those of the end of a longer history", () => {
    const long = history({ world: { players: Array.from({ length: 200 }, (_, minute) => minute), seats: [], servers: {} } });
    expect(lastHour(long, new Set()).at(0)).toBe(140);
    expect(lastHour(long, new Set()).at(-1)).toBe(199);
  });
});

describe("a hold that was asked for", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const made = () => {
    const store = new FleetStore({ nextFrame: (run) => run(), calm: (run) => run() });
    store.replace([server("a"), server("b", { drain: { holds: ["ops"] } })], []);
    return { store, asks: new AskedHolds(store) };
  };

  it("is said until the stream shows it", () => {
    const { store, asks } = made();
    asks.taken(["world/a"], "drain");
    asks.taken(["world/b"], "undrain");
    expect([...asks.all()]).toEqual([["world/a", "drain"], ["world/b", "undrain"]]);
    store.update(server("a", { players: 3 }));
    expect(asks.all().has("world/a")).toBe(true);
    store.update(server("a", { drain: { holds: ["ops"] } }));
    store.update(server("b"));
    expect(asks.all().size).toBe(0);
  });

  it("is not said when the stream was faster than the answer, nor for ever", () => {
    const { asks } = made();
    asks.taken(["world/b"], "drain");
    expect(asks.all().size).toBe(0);
    asks.taken(["world/a"], "drain");
    vi.advanceTimersByTime(FORGET_MS);
    expect(asks.all().size).toBe(0);
  });
});

describe("what is done seldom", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is done at once, and once more for all that is asked meanwhile", () => {
    let runs = 0;
    const seldom = new Seldom(250, () => runs++);
    seldom.ask();
    seldom.ask();
    seldom.ask();
    expect(runs).toBe(1);
    vi.advanceTimersByTime(250);
    expect(runs).toBe(2);
    seldom.ask();
    seldom.now();
    expect(runs).toBe(3);
    seldom.cancel();
    vi.advanceTimersByTime(1000);
    expect(runs).toBe(3);
  });
});

describe("what a key of the table is about", () => {
  it("is never a row while a server is open: d would drain another one than the one looked at", () => {
    expect(targetsOf("world/open", new Set(), "world/marked")).toEqual([]);
    expect(targetsOf("world/open", new Set(["world/a"]), "world/marked")).toEqual([]);
  });

  it("is the selection, or else the row that is active", () => {
    expect(targetsOf(null, new Set(["world/a", "world/b"]), "world/marked")).toEqual(["world/a", "world/b"]);
    expect(targetsOf(null, new Set(), "world/marked")).toEqual(["world/marked"]);
    expect(targetsOf(null, new Set(), null)).toEqual([]);
  });
});
