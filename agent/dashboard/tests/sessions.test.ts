import { describe, expect, it } from "vitest";
import { withLeader, type LeaderList } from "../src/pages/sessions/data";
import type { Leader } from "../src/wire/types";

const leader = (scope: string, id: string | null, token: number | null): Leader => ({
  scope,
  leader: id === null ? null : { type: "world", id },
  token,
  since: null,
  candidates: 1,
});
const list = (...leaders: Leader[]): LeaderList => ({ leaders, skipped: {}, leftOut: 0, stale: false });

describe("the leaders", () => {
  it("are kept by an event of one scope", () => {
    const before = list(leader("a", "w1", 1), leader("c", "w2", 2));
    expect(withLeader(before, leader("a", "w3", 3)).leaders.map((each) => each.leader?.id)).toEqual(["w3", "w2"]);
    expect(withLeader(before, leader("c", null, null)).leaders[1]?.leader).toBeNull();
    expect(before.leaders[0]?.leader?.id).toBe("w1");
  });

  it("have a new scope in its place", () => {
    expect(withLeader(list(leader("a", "w1", 1), leader("c", "w2", 2)), leader("b", "w3", 3)).leaders.map((each) => each.scope)).toEqual(["a", "b", "c"]);
  });
});
