import { describe, expect, it } from "vitest";
import type { Row } from "../src/fleet/row";
import { addressOf, ageOf, drainOf, isFresh, leftOf, loadOf, whyOf } from "../src/pages/fleet/cells";
import { linesInSight, MORE_LINES, topFor } from "../src/pages/fleet/sight";
import { en } from "../src/words/en";
import type { ServerRecord } from "../src/wire/types";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const SECOND = 1000;

function row(record: Partial<ServerRecord>, part: Partial<Row> = {}): Row {
  return { key: "world/w1", record: { type: "world", id: "w1", status: "ready", ...record }, status: "ready", gone: null, changedAt: NOW - 5 * SECOND, ...part };
}

describe("the lines in sight", () => {
  const sight = { top: 0, height: 34 + 360, head: 34, line: 36 };
  const fit = 10 + 1 + 2 * MORE_LINES;

  it("are as many wherever it is scrolled to", () => {
    for (const top of [0, 1, 35, 36, 1000, 1017, 100 * 36 - 360, 1e6]) {
      const { first, end } = linesInSight({ ...sight, top }, 100);
      expect(end - first).toBe(fit);
    }
    expect(linesInSight(sight, 100).first).toBe(0);
    expect(linesInSight({ ...sight, top: 1e6 }, 100).end).toBe(100);
  });

  it("cover what is seen, and some more on both sides", () => {
    for (let top = 0; top <= 90 * 36; top += 7) {
      const { first, end } = linesInSight({ ...sight, top }, 100);
      expect(first).toBeLessThanOrEqual(Math.max(0, Math.floor(top / 36) - MORE_LINES));
      expect(end).toBeGreaterThanOrEqual(Math.min(100, Math.ceil((top + 360) / 36) + MORE_LINES));
    }
  });

  it("are all where few are, and none where there is none", () => {
    expect(linesInSight({ ...sight, top: 500 }, 3)).toEqual({ first: 0, end: 3 });
    expect(linesInSight(sight, 0)).toEqual({ first: 0, end: 0 });
    expect(linesInSight({ ...sight, height: 0 }, 100)).toEqual({ first: 0, end: 1 + 2 * MORE_LINES });
  });

  it("are scrolled to no further than it takes", () => {
    const at = { ...sight, top: 720 }; // lines 20 to 29
    expect(topFor(20, at)).toBe(720);
    expect(topFor(29, at)).toBe(720);
    expect(topFor(19, at)).toBe(684);
    expect(topFor(30, at)).toBe(756);
    expect(topFor(0, at)).toBe(0);
  });
});

describe("a cell", () => {
  it("says how old a status is, at least where nobody saw it become so", () => {
    expect(ageOf(row({}), NOW, en)).toBe("≥ 5 s");
    expect(ageOf(row({}, { seenChanging: true }), NOW, en)).toBe("5 s");
    expect(ageOf(row({}, { changedAt: null }), NOW, en)).toBe(en.common.none);
    expect(ageOf(row({}, { changedAt: Number.NaN }), NOW, en)).toBe(en.common.none);
  });

  it("is fresh for a minute after a change that was seen", () => {
    expect(isFresh(row({}, { seenChanging: true }), NOW)).toBe(true);
    expect(isFresh(row({}, { seenChanging: true, changedAt: NOW - 60 * SECOND }), NOW)).toBe(false);
    expect(isFresh(row({}), NOW)).toBe(false);
  });

  it("says how long a deadline is off", () => {
    const drain = { holds: ["ops"], deadline: "2026-11-30T12:27:00Z" } as ServerRecord["drain"];
    expect(leftOf(row({ drain }), NOW, en)).toBe("27 m");
    expect(leftOf(row({ drain }), NOW + 27 * 60 * SECOND, en)).toBe(en.fleet.over);
    expect(leftOf(row({}), NOW, en)).toBe("");
  });

  it("says what was asked before what is", () => {
    const drain = { holds: ["ops", "app"], by: "olga", reason: "patch" } as ServerRecord["drain"];
    expect(drainOf(row({ drain }), "undrain", en)).toBe(en.fleet.asked.undrain);
    expect(drainOf(row({ drain }), undefined, en)).toBe("olga: patch");
    expect(drainOf(row({ drain: { holds: ["ops", "app"] } as ServerRecord["drain"] }), undefined, en)).toBe("ops, app");
    expect(drainOf(row({}), undefined, en)).toBe("");
  });

  it("has an address with the first port, where there is one", () => {
    expect(addressOf(row({ host: "10.0.0.1", ports: [7000, 7001] }))).toBe("10.0.0.1:7000");
    expect(addressOf(row({ host: "10.0.0.1", ports: [] }))).toBe("10.0.0.1");
    expect(addressOf(row({ ports: [7000] }))).toBeUndefined();
  });

  it("tells how full a server is, and nothing where it is not known", () => {
    expect(loadOf(row({ players: 5, capacity: 10 }))).toBe(0.5);
    expect(loadOf(row({ players: 15, capacity: 10 }))).toBe(1);
    expect(loadOf(row({ players: 0, capacity: 0 }))).toBe(0);
    expect(loadOf(row({ players: 5 }))).toBeNull();
    expect(loadOf(row({ capacity: 5 }))).toBeNull();
  });

  it("has the reason of others as they wrote it", () => {
    expect(whyOf(row({ status: "error", reason: "<b>probe</b>" }, { status: "error" }), en)).toBe("<b>probe</b>");
  });
});
