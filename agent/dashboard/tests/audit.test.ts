import { describe, expect, it } from "vitest";
import { againIn, askedOf, everything, pageOfTarget, pathOf, searchOf, type Asked } from "../src/pages/audit/query";
import { ApiError } from "../src/wire/http";

const asked = (part: Partial<Asked>): Asked => ({ ...everything, ...part });
const parameters = (path: string) => Object.fromEntries(new URLSearchParams(path.slice(path.indexOf("?"))));

describe("what is asked of the audit", () => {
  it("has no empty parameter, which the observer would take for a name", () => {
    expect(pathOf(asked({ who: "  " }), { limit: 100 })).toBe("/api/audit?limit=100");
  });

  it("has the filters, the page and the format", () => {
    expect(parameters(pathOf(asked({ who: "olga", what: "wave.*", target: "world/*", outcome: "refused", span: "24h" }), { limit: 1000, before: "01KB9V2A1BR4T5Y6U7I8O9P0QW", format: "csv" }))).toEqual({
      who: "olga",
      what: "wave.*",
      target: "world/*",
      outcome: "refused",
      from: "24h",
      limit: "1000",
      before: "01KB9V2A1BR4T5Y6U7I8O9P0QW",
      format: "csv",
    });
  });

  it("has moments of the reader's zone, and none that is half typed", () => {
    const path = pathOf(asked({ span: "other", from: "2026-11-30T09:00", to: "2026-13" }), { limit: 100 });
    expect(parameters(path)).toEqual({ from: new Date("2026-11-30T09:00").toISOString(), limit: "100" });
    expect(parameters(pathOf(asked({ from: "2026-11-30T09:00" }), { limit: 100 }))).toEqual({ limit: "100" });
  });

  it("survives the address", () => {
    const full = asked({ who: "a&b", outcome: "ok", span: "other", from: "2026-11-30T09:00" });
    expect(askedOf(searchOf(full))).toEqual(full);
    expect(askedOf("outcome=perhaps&span=year")).toEqual(everything);
    expect(searchOf(asked({ from: "2026-11-30T09:00" }))).toBe("");
  });
});

describe("the target of an entry", () => {
  it("leads to a server or a drain, and nowhere else", () => {
    expect(pageOfTarget({ what: "drain", target: "world/w1" })).toEqual({ server: "world/w1" });
    expect(pageOfTarget({ what: "wave.undo", target: "01M8NN2HQGK82RT32CR69P9DZN" })).toEqual({ drain: "01M8NN2HQGK82RT32CR69P9DZN" });
    expect(pageOfTarget({ what: "wave.create", target: "../evil" })).toBeNull();
    expect(pageOfTarget({ what: "key.put", target: "services/world" })).toBeNull();
    expect(pageOfTarget({ what: "sign_in" })).toBeNull();
  });
});

describe("the list of the audit", () => {
  it("is read again after an observer that was away, not after a refusal, nor under who reads on", () => {
    expect(againIn(1, null)).toBe(15_000);
    expect(againIn(1, new ApiError(0, "unreachable", ""))).toBe(15_000);
    expect(againIn(1, new ApiError(503, "stale", ""))).toBe(15_000);
    expect(againIn(1, new ApiError(403, "role", ""))).toBe(false);
    expect(againIn(2, null)).toBe(false);
  });
});
