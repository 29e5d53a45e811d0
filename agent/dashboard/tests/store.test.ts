import { describe, expect, it } from "vitest";
import { FleetStore, type Pace } from "../src/fleet/store";
import type { ServerRecord } from "../src/wire/types";

class HandPace implements Pace {
  frames: (() => void)[] = [];
  calms: (() => void)[] = [];
  nextFrame(run: () => void) {
    this.frames.push(run);
  }
  calm(run: () => void) {
    this.calms.push(run);
  }
  run(what: "frames" | "calms") {
    for (const each of this[what].splice(0)) {
      each();
    }
  }
}

const server = (id: string, part: Partial<ServerRecord> = {}): ServerRecord => ({ id, type: "world", status: "ready", players: 1, ...part });

function made() {
  const pace = new HandPace();
  const store = new FleetStore(pace);
  store.replace([server("a"), server("b")], []);
  const told: string[] = [];
  store.subscribeRow("world/a", () => told.push("a"));
  store.subscribeRow("world/b", () => told.push("b"));
  return { pace, store, told };
}

describe("a store of the fleet", () => {
  it("shows a status on the next frame, and players when it is calm", () => {
    const { pace, store, told } = made();
    store.update(server("a", { players: 2 }));
    store.update(server("b", { status: "error" }));
    expect(told).toEqual([]);
    pace.run("frames");
    expect(told).toEqual(["b"]);
    expect(store.row("world/a")?.record.players).toBe(1);
    pace.run("calms");
    expect(told).toEqual(["b", "a"]);
    expect(store.row("world/a")?.record.players).toBe(2);
  });

  it("shows the last of two changes when the second is urgent", () => {
    const { pace, store } = made();
    store.update(server("a", { players: 2 }));
    store.update(server("a", { players: 3, status: "error" }));
    pace.run("frames");
    pace.run("calms");
    expect(store.row("world/a")?.record).toMatchObject({ players: 3, status: "error" });
  });

  it("shows the last of two changes when the first is urgent", () => {
    const { pace, store } = made();
    store.update(server("a", { players: 2, status: "error" }));
    store.update(server("a", { players: 3, status: "error" }));
    pace.run("frames");
    pace.run("calms");
    expect(store.row("world/a")?.record).toMatchObject({ players: 3, status: "error" });
  });

  it("keeps a server that went without a word as offline, and not one that left", () => {
    const { pace, store } = made();
    const gone = { type: "world", status: "ready", goneAt: "2026-11-30T07:07:54.565Z", record: null };
    store.remove("world/a");
    store.offline({ ...gone, id: "a", why: "lease_expired" });
    store.remove("world/b");
    store.offline({ ...gone, id: "b", why: "left" });
    pace.run("frames");
    expect(store.row("world/a")?.status).toBe("offline");
    expect(store.row("world/b")).toBeUndefined();
    expect(store.totals()).toMatchObject({ servers: 0, players: 0 });
    store.update(server("a"));
    pace.run("frames");
    expect(store.row("world/a")?.status).toBe("ready");
  });

  it("counts servers, players and seats", () => {
    const { store } = made();
    store.replace([server("a", { players: 3, capacity: 10 }), server("b", { players: undefined, status: "sleeping" })], []);
    expect(store.totals()).toMatchObject({ servers: 2, players: 3, seats: 10, byStatus: { ready: 1, unknown: 1 } });
  });

  it("forgets what waited when the whole fleet comes", () => {
    const { pace, store } = made();
    store.update(server("a", { status: "error" }));
    store.replace([server("a")], []);
    pace.run("frames");
    expect(store.row("world/a")?.status).toBe("ready");
  });
});
