import { describe, expect, it } from "vitest";
import { chosen, parseFilter, testFor, toggled, toQuery, writeFilter } from "../src/fleet/filter";
import type { Row } from "../src/fleet/row";
import type { ServerRecord } from "../src/wire/types";

const row = (part: Partial<ServerRecord> = {}, status: Row["status"] = "ready"): Row => {
  const record: ServerRecord = { id: "w0042", type: "world", status, host: "10.0.0.5", ports: [7001], zone: "kr-a", region: "kr", version: "1.4.2", ...part };
  return { key: `${record.type}/${record.id}`, record, status, gone: null, changedAt: null };
};

const passes = (text: string, each: Row) => testFor(parseFilter(text).terms)(each);

describe("a filter", () => {
  it.each([
    ["", true],
    ["w0042", true],
    ["WORLD/w00", true],
    ["w0043", false],
    ["status:ready", true],
    ["status:error", false],
    ["status:error,ready", true],
    ["status:error status:ready", true],
    ["-status:error", true],
    ["-status:ready", false],
    ["zone:kr-a region:kr", true],
    ["zone:kr-a region:jp", false],
    ["zone:kr-*", true],
    ["zone:kr", false],
    ["-version:1.4.2", false],
    ["version:1.4*", true],
    ["version=1.4.2", true],
    ["10.0.0.5:7001", true],
    ["10.0.0.5:7002", false],
    ["port:7001", true],
    ["host:0.0.5", true],
    ["foo:bar", false],
    ["status:", true],
    ["- ready", false],
  ])("%s on a server that is ready: %s", (text, expected) => {
    expect(passes(text, row())).toBe(expected);
  });

  it("compares numbers, and what is not known is neither more nor less", () => {
    const some = row({ players: 400, capacity: 500 });
    expect(["players>399", "players>=400", "players<401", "players:400", "free:100", "free<=100"].map((text) => passes(text, some))).toEqual(Array(6).fill(true));
    expect(passes("players>400", some)).toBe(false);
    expect(["players>0", "players<1000", "players:0", "players:*"].map((text) => passes(text, row()))).toEqual(Array(4).fill(false));
    expect(passes("-players:*", row())).toBe(true);
  });

  it("asks labels by name, and all of several tags", () => {
    const tagged = row({ labels: { map: "old town" }, tags: ["pvp", "ranked"] });
    expect(passes('label.map="old town"', tagged)).toBe(true);
    expect(passes("label.map=old", tagged)).toBe(false);
    expect(passes("label.map:harbor,old*", tagged)).toBe(true);
    expect(passes("tag:pvp tag:ranked", tagged)).toBe(true);
    expect(passes("tag:pvp tag:casual", tagged)).toBe(false);
    expect(passes("tag:pvp,casual", tagged)).toBe(true);
  });

  it("looks for words in the texts, with blanks where they are quoted", () => {
    const held = row({ reason: "probe game: connection refused", drain: { holds: ["ops"], by: "olga@desk", reason: "patch, soon" } }, "error");
    expect(passes('"connection refused"', held)).toBe(true);
    expect(passes("patch,", held)).toBe(true);
    expect(passes("-refused", held)).toBe(false);
    expect(passes("by:olga drain:ops", held)).toBe(true);
    expect(passes("drain:*", row())).toBe(false);
  });

  it("is the same after it was written", () => {
    for (const text of ["status:error zone:kr-a", 'label.map:"old town",harbor', "-version:1.4.2 players>400 word", '"two words"', 'reason:"a \\"quoted\\" one"']) {
      expect(writeFilter(parseFilter(text).terms)).toBe(text);
    }
  });

  it("takes a value and gives it back", () => {
    const one = toggled(parseFilter("harbor"), "status", "error");
    expect(one).toBe("status:error harbor");
    const two = toggled(parseFilter(one), "status", "draining");
    expect(two).toBe("status:error,draining harbor");
    expect(chosen(parseFilter(two), "status")).toEqual(new Set(["error", "draining"]));
    expect(toggled(parseFilter(two), "status", "error")).toBe("status:draining harbor");
    expect(toggled(parseFilter("status:error"), "status", "error")).toBe("");
    expect(toggled(parseFilter("-zone:kr-a"), "zone", "kr-b")).toBe("zone:kr-b -zone:kr-a");
  });

  it("is put to the API where that has words for it", () => {
    expect(toQuery(parseFilter('status:error zone:kr-a label.map="old town" tag:pvp tag:new'))).toBe("status=error&zone=kr-a&label.map=old+town&tag=pvp&tag=new");
    expect(toQuery(parseFilter(""))).toBe("");
    for (const text of ["-zone:kr-a", "players>4", "word", "zone:kr-*", "zone:a,b", "zone:a zone:b", "version:1", "status:offline"]) {
      expect(toQuery(parseFilter(text))).toBeNull();
    }
  });
});
