import { describe, expect, it } from "vitest";
import { causeOf, shortWhy, whyOf, type Asked } from "../src/fleet/why";
import type { ServerHistory, ServerRecord, Transition } from "../src/wire/types";
import { en } from "../src/words/en";
import { ko } from "../src/words/ko";
import { plain } from "../src/words/parts";

const NOW = Date.parse("2026-11-30T12:00:00.000Z");
const S = 1000;
const M = 60 * S;
const H = 60 * M;
const ago = (ms: number) => new Date(NOW - ms).toISOString();

const asked = (part: Partial<ServerRecord>, changedAt: number | null = NOW - 5 * M): Asked => ({
  record: { id: "w1", type: "world", status: "ready", ...part },
  gone: null,
  changedAt,
});

const gone = (why: string, part: Partial<ServerRecord> = {}, age = 3 * M): Asked => ({
  record: { id: "w1", type: "world", status: "ready", ...part },
  gone: { type: "world", id: "w1", status: part.status ?? "ready", goneAt: ago(age), why, record: null },
  changedAt: NOW - age,
});

let seq = 0;
const change = (age: number, from: string | null, to: string | null, part: Partial<Transition> = {}): Transition => ({
  seq: seq++,
  at: ago(age),
  unsure: false,
  after: null,
  kind: from === null ? "came" : to === null ? "went" : "status",
  from,
  to,
  ...part,
});

const history = (...transitions: Transition[]): ServerHistory => ({
  type: "world",
  id: "w1",
  online: true,
  status: "ready",
  goneAt: null,
  why: null,
  transitions,
  lives: [],
  players: { step: 60, until: ago(0), values: [] },
  record: null,
  stale: false,
  now: ago(0),
});

function said(of: Asked, past: ServerHistory | null = null) {
  const why = whyOf(of, past, NOW);
  return { en: plain(en.why.sentence(why), en, NOW), ko: plain(ko.why.sentence(why), ko, NOW), why };
}

describe("why a server is as it is", () => {
  it("is the probe, since when, and how often in error", () => {
    const probe = { status: "error", reason: "probe game: connection refused (3 of 3)" };
    const { en, ko, why } = said(
      asked(probe),
      history(change(5 * H, null, "ready"), change(4 * H, "ready", "error"), change(3 * H, "error", "ready"), change(4 * M + 10 * S, "ready", "error", { reason: probe.reason })),
    );
    expect(en).toBe("Probe game fails: connection refused (3 of 3); in error for 4 m 10 s, the 2nd time in 5 h.");
    expect(ko).toBe("프로브 game 실패: connection refused (3 of 3). 4분 10초째 오류 상태, 최근 5시간 중 2번째입니다.");
    expect(why.evidence).toContainEqual({ what: "before", before: { status: "ready", forMs: 3 * H - 4 * M - 10 * S, reason: null } });
  });

  it("counts no further than the history goes", () => {
    const error = asked({ status: "error" });
    expect(said(error, history(change(2 * H, null, "ready", { kind: "seen" }), change(M, "ready", "error"))).en).toBe(
      "An error without a reason; in error for 1 m, the first time in 2 h.",
    );
    expect(said(error, history(change(3 * M, null, "ready", { kind: "seen" }), change(M, "ready", "error"))).en).toBe("An error without a reason; in error for 1 m.");
    expect(said(error, history(change(30 * H, null, "ready", { kind: "seen" }), change(27 * H, "ready", "error"), change(26 * H, "error", "ready"), change(M, "ready", "error"))).en).toMatch(
      /the first time in 24 h\.$/,
    );
  });

  it("does not call it the first time where hardly anything is known of the time before", () => {
    const past = history(change(40 * M, null, "ready"), change(35 * M, "ready", "error"));
    expect(said(asked({ status: "error" }), past).en).toBe("An error without a reason; in error for 35 m.");
  });

  it("does not claim to know since when where the history began later", () => {
    expect(said(asked({ status: "error" }), history(change(2 * H, null, "error", { kind: "seen" }))).en).toMatch(/in error for at least 2 h/);
    expect(said(asked({ status: "error" })).en).toBe("An error without a reason; in error for at least 5 m.");
    expect(said(asked({ status: "error" }, null)).en).toBe("An error without a reason; in error.");
    expect(said(asked({ status: "error" })).ko).toBe("사유가 없는 오류입니다. 최소 5분째 오류 상태입니다.");
  });

  it("tells a moment that was found out late", () => {
    const { en, why } = said(asked({ status: "error" }), history(change(H, null, "ready"), change(5 * M, "ready", "error", { unsure: true, after: ago(9 * M) })));
    expect(en).toMatch(/in error for at least 5 m/);
    expect(why.since).toEqual({ at: NOW - 5 * M, sure: "unsure", after: NOW - 9 * M });
  });

  it("keeps its begin over another reason, a hold and a restart", () => {
    const past = history(
      change(H, null, "ready"),
      change(10 * M, "ready", "error", { reason: "first" }),
      change(8 * M, "error", "error", { kind: "reason", reason: "second" }),
      change(6 * M, "error", "error", { kind: "drain" }),
      change(4 * M, "error", "error", { kind: "restart" }),
    );
    expect(said(asked({ status: "error", reason: "second" }), past).en).toBe("second; in error for 10 m, the first time in 1 h.");
  });

  it("takes the row's own time where the history is behind it", () => {
    const past = history(change(H, null, "ready"), change(30 * M, "ready", "error"), change(20 * M, "error", "ready"));
    const { en, why } = said(asked({ status: "error" }, NOW - 2 * S), past);
    expect(en).toBe("An error without a reason; in error for 2 s, the 2nd time in 1 h.");
    expect(why.evidence).toContainEqual({ what: "before", before: { status: "ready", forMs: null, reason: null } });
  });

  it("is a drain: by whom, why, how long, how many are left", () => {
    const drain = { holds: ["ops"], by: "olga@desk", reason: "patch 1.4.3", since: ago(3 * M), deadline: ago(-27 * M) };
    expect(said(asked({ status: "draining", drain, players: 12 })).en).toBe("Drained by olga@desk: patch 1.4.3; 27 m left, 12 players still there.");
    expect(said(asked({ status: "draining", drain, players: 12 })).ko).toBe("olga@desk 님이 드레인했습니다: patch 1.4.3. 기한까지 27분 남았고, 아직 12명 접속 중입니다.");
    expect(said(asked({ status: "draining", drain: { ...drain, deadline: ago(2 * M) }, players: 1 })).en).toBe(
      "Drained by olga@desk: patch 1.4.3; the deadline passed 2 m ago, 1 player still there.",
    );
    expect(said(asked({ status: "draining", drain: { holds: ["ops"] }, players: 0 })).en).toBe("Draining; no deadline, no players left.");
    expect(said(asked({ status: "draining", reason: "idle: no players for 10 m" })).en).toBe("Draining: idle: no players for 10 m; no deadline, players not known.");
  });

  it("is a start, and how long the last one took", () => {
    const past = history(change(3 * H, null, "initializing"), change(3 * H - 40 * S, "initializing", "ready"), change(75 * S, "ready", "initializing"));
    const start = asked({ status: "initializing", reason: "loading the map" });
    expect(said(start, past).en).toBe("Initializing for 1 m 15 s: loading the map. The last time it took 40 s.");
    expect(said(start, past).ko).toBe("1분 15초째 초기화 중입니다. loading the map. 지난번에는 40초 걸렸습니다.");
    expect(said(asked({ status: "initializing" }), history(change(M, null, "initializing"))).en).toBe("Initializing for 1 m.");
  });

  it("is an end", () => {
    expect(said(asked({ status: "shutting_down", reason: "the agent is stopping", players: 3 }), history(change(20 * S, "ready", "shutting_down"))).en).toBe(
      "Shutting down for 20 s: the agent is stopping; 3 players still there.",
    );
    expect(said(asked({ status: "shutting_down", reason: "the server reported shutting_down" })).en).toBe("Shutting down for at least 5 m: the server says so itself.");
  });

  it("is an agent that went silent, and what the server was then", () => {
    const lost = said(gone("lease_expired", { players: 30 }), history(change(H, null, "ready"), change(3 * M, "ready", null, { why: "lease_expired" })));
    expect(lost.en).toBe("Its agent went silent: the lease ended 3 m ago; it was ready with 30 players.");
    expect(lost.ko).toBe("에이전트의 응답이 끊겨 3분 전에 리스가 만료되었습니다. 마지막 상태: 정상, 플레이어 30명.");
    expect(said(gone("deleted", { status: "shutting_down" })).en).toBe("Its record was deleted 3 m ago; it was shutting down.");
    expect(said(gone("missed")).en).toMatch(/while this observer was not running/);
    expect(said(gone("eaten")).en).toBe("Gone (eaten) 3 m ago; it was ready.");
    const late = said(gone("lease_expired"), history(change(3 * M, "ready", null, { why: "lease_expired", unsure: true, after: ago(8 * M) })));
    expect(late.why.since).toMatchObject({ sure: "unsure", after: NOW - 8 * M });
  });

  it("is no fault of one that left", () => {
    expect(said(gone("left")).en).toMatch(/^It has left in good order/);
  });

  it("is a status that nobody knows here, and no players for it", () => {
    expect(said(asked({ status: "hibernating" }), history(change(H, null, "ready"), change(M, "ready", "unknown"))).en).toBe(
      "It says hibernating for 1 m, a status that this page does not know: it takes no players.",
    );
  });

  it("says of a ready one what its record says, and what it was before", () => {
    expect(said(asked({ players: 212, capacity: 400 }), history(change(3 * H, null, "ready"))).en).toBe("Ready for 3 h, 212 of 400 players.");
    expect(said(asked({ players: 400, capacity: 400 }), history(change(3 * H, null, "ready"))).en).toBe("Ready for 3 h, full, 400 of 400 players.");
    expect(said(asked({}), history(change(3 * H, null, "ready"))).en).toBe("Ready for 3 h, players not known.");
    const back = said(
      asked({ players: 1 }),
      history(change(H, null, "ready"), change(3 * M, "ready", "error", { reason: "probe game: timeout" }), change(2 * M, "error", "ready")),
    );
    expect(back.en).toBe("Ready for 2 m, 1 player. Before, it was error for 1 m: probe game: timeout.");
    expect(back.ko).toBe("2분째 정상입니다. 플레이어 1명. 직전 상태: 오류, 1분 동안: probe game: timeout.");
    expect(said(asked({ drain: { holds: ["ops"] } })).en).toMatch(/A hold is set/);
  });

  it("is a server that flaps", () => {
    const flaps = { status: "error", reason: "flapping: 7 changes in 5 min 0 s, ready again after 2 min 0 s without a failure" };
    expect(said(asked(flaps), history(change(30 * M, null, "ready"), change(M, "ready", "error"))).en).toMatch(/^It flaps: 7 changes in 5 min 0 s, .*; in error for 1 m/);
    const steps = [9, 8, 7, 6, 5].flatMap((each) => [change(each * M, "ready", "error"), change(each * M - 30 * S, "error", "ready")]);
    expect(whyOf(asked({}), history(...steps), NOW).restless).toEqual({ count: 10, overMs: 10 * M });
    expect(whyOf(asked(flaps), history(...steps), NOW).restless).toBeNull();
    expect(whyOf(asked({}), history(...steps.slice(0, 3)), NOW).restless).toBeNull();
  });

  it("warns of a weight of 0 and of a wrong signature", () => {
    const what = whyOf(asked({ weight: 0, signed: false }), null, NOW).evidence.map((each) => each.what);
    expect(what).toEqual(expect.arrayContaining(["weight", "signature"]));
    expect(whyOf(asked({ weight: 1, signed: null }), null, NOW).evidence.map((each) => each.what)).toEqual(["since"]);
  });

  it("holds with dates that are none", () => {
    const drain = { holds: ["ops"], deadline: "soon" };
    expect(said(asked({ status: "draining", drain }, null)).en).toBe("Draining; no deadline, players not known.");
  });
});

describe("the cause in a reason", () => {
  it("is read where the agent wrote it, and kept as it is where not", () => {
    expect(causeOf("probe tcp-8001: refused: late")).toEqual({ what: "probe", probe: "tcp-8001", text: "refused: late" });
    expect(causeOf("the server reported error: disk\nfull")).toEqual({ what: "reported", text: "disk\nfull" });
    expect(causeOf("the server reported initializing")).toEqual({ what: "reported", text: "" });
    expect(causeOf("a probe died")).toEqual({ what: "text", text: "a probe died" });
    expect(causeOf(" ")).toEqual({ what: "none" });
    expect(causeOf(undefined)).toEqual({ what: "none" });
  });
});

describe("the short form of a cell", () => {
  const short = (of: Asked) => [plain(en.why.short(shortWhy(of)), en, NOW), plain(ko.why.short(shortWhy(of)), ko, NOW)];

  it("has no age, as a cell does not tick", () => {
    expect(short(asked({ status: "error", reason: "probe game: timeout" }))).toEqual(["probe game: timeout", "probe game: timeout"]);
    expect(short(asked({ status: "draining", drain: { holds: ["ops"], by: "olga", reason: "patch" } }))).toEqual(["olga: patch", "olga: patch"]);
    expect(short(asked({ status: "draining", reason: "drained by the server", drain: { holds: ["self"] } }))[0]).toBe("drained by the server");
    expect(short(gone("lease_expired", { players: 3 }))).toEqual(["lease ended, was ready, 3 players", "리스 만료, 마지막 정상, 3명"]);
    expect(short(asked({ status: "odd" }))).toEqual(["says odd", "상태 odd"]);
    expect(short(asked({ players: 4, capacity: 4 }))).toEqual(["full", "만석"]);
    expect(short(asked({ drain: { holds: ["ops"] } }))).toEqual(["a hold is set", "드레인이 걸려 있음"]);
    expect(short(asked({}))).toEqual(["", ""]);
    expect(short(asked({ status: "initializing" }))).toEqual(["", ""]);
  });
});
