import { describe, expect, it } from "vitest";
import { bandOf } from "../src/fleet/band";
import { pathsOf, roundTop, runsOf, summaryOf, topOf } from "../src/fleet/spark";
import type { Transition } from "../src/wire/types";

describe("a line by the minute", () => {
  it("has a gap where nothing is known, and a point where one value is alone", () => {
    expect(runsOf([0, 10, null, 5, null], 10, 40, 10)).toEqual([
      [
        { x: 0, y: 10 },
        { x: 10, y: 0 },
      ],
      [{ x: 30, y: 5 }],
    ]);
    expect(pathsOf([0, 10, null, 5, null], 10, 40, 10)).toEqual({ line: "M0 10L10 0M30 5h0", area: "M0 10L10 0L10 10L0 10Z" });
    expect(pathsOf([null, null], 10, 40, 10)).toEqual({ line: "", area: "" });
  });

  it("has a top that is never 0", () => {
    expect(topOf([null, 0], null)).toBe(1);
    expect(topOf([3, 7, null], null)).toBe(7);
    expect(topOf([3, 7], 40)).toBe(40);
    expect([1, 3, 12, 21, 99, 100, 101, 249].map(roundTop)).toEqual([1, 5, 20, 25, 100, 100, 200, 250]);
  });

  it("is told in words", () => {
    expect(summaryOf([null, 4, null, null, 9, 2])).toEqual({ last: 2, lowest: 2, highest: 9, gaps: 2 });
    expect(summaryOf([4, null])).toEqual({ last: null, lowest: 4, highest: 4, gaps: 0 });
    expect(summaryOf([null, null])).toBeNull();
    expect(summaryOf([])).toBeNull();
  });
});

describe("what a server was in the last hour", () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const step = (ms: number, kind: Transition["kind"], from: string | null, to: string | null, after: number | null = null): Transition => ({
    seq: ms,
    at: at(ms),
    unsure: after !== null,
    after: after === null ? null : at(after),
    kind,
    from,
    to,
  });

  it("is not there before it came and after it went", () => {
    const transitions = [step(20, "came", null, "initializing"), step(30, "status", "initializing", "ready"), step(35, "reason", "ready", "ready"), step(80, "went", "ready", null)];
    expect(bandOf({ transitions }, 0, 100)).toEqual([
      { from: 0, to: 20, status: null },
      { from: 20, to: 30, status: "initializing" },
      { from: 30, to: 80, status: "ready" },
      { from: 80, to: 100, status: null },
    ]);
  });

  it("is not known before the history began, nor while the registry was away", () => {
    const transitions = [step(20, "seen", null, "ready"), step(60, "status", "ready", "error", 40)];
    expect(bandOf({ transitions }, 0, 100)).toEqual([
      { from: 0, to: 20, status: undefined },
      { from: 20, to: 40, status: "ready" },
      { from: 40, to: 60, status: undefined },
      { from: 60, to: 100, status: "error" },
    ]);
  });

  it("is what it was before the hour", () => {
    expect(bandOf({ transitions: [step(5, "came", null, "ready")] }, 50, 100)).toEqual([{ from: 50, to: 100, status: "ready" }]);
    expect(bandOf({ transitions: [step(5, "came", null, "ready"), step(10, "status", "ready", "error")] }, 50, 100)).toEqual([{ from: 50, to: 100, status: "error" }]);
    expect(bandOf({ transitions: [] }, 0, 10)).toEqual([{ from: 0, to: 10, status: undefined }]);
  });
});
