import type { Before, Cause, ShortWhy, Since, Times, Why } from "../../fleet/why";
import type { why as english } from "../en/why";
import type { Part } from "../parts";
import { grouped } from "../time";

const statuses: Record<string, string> = {
  ready: "정상",
  error: "오류",
  draining: "드레인",
  initializing: "초기화 중",
  shutting_down: "종료 중",
};
const status = (word: string): Part => (word in statuses ? statuses[word]! : { said: word });
const people = (count: number) => `${grouped(count)}명`;

function age(since: Since | null): Part[] {
  return since === null ? [] : [since.sure === "known" ? "" : "최소 ", { since: since.at }, "째 "];
}

const over = (ms: number): Part => (ms >= 86_400_000 ? "24시간" : { ms });

function cause(of: Cause): Part[] {
  switch (of.what) {
    case "probe":
      return ["프로브 ", { said: of.probe }, " 결과: ", { said: of.text }];
    case "reported":
      return of.text === "" ? ["서버가 직접 보고했습니다"] : ["서버 보고: ", { said: of.text }];
    case "none":
      return ["사유 없음"];
    default:
      return [{ said: of.text }];
  }
}

function drainingSentence(why: Why & { kind: "draining" }): Part[] {
  const who: Part[] = why.by === null ? ["드레인 중입니다"] : [{ said: why.by }, " 님이 드레인했습니다"];
  const what: Part[] = why.reason === null ? [". "] : [": ", { said: why.reason }, ". "];
  const left: Part[] =
    why.deadline === null ? ["기한 없음, "] : why.over ? ["기한이 ", { since: why.deadline }, " 전에 지났고, "] : ["기한까지 ", { until: why.deadline }, " 남았고, "];
  const there = why.players === null ? "플레이어 수는 알 수 없습니다." : why.players === 0 ? "남은 플레이어는 없습니다." : `아직 ${people(why.players)} 접속 중입니다.`;
  return [...who, ...what, ...left, there];
}

function offlineSentence(why: Why & { kind: "offline" }): Part[] {
  const then: Part[] = [" 마지막 상태: ", status(why.lastStatus), why.players === null ? "." : `, 플레이어 ${people(why.players)}.`];
  switch (why.why) {
    case "lease_expired":
      return ["에이전트의 응답이 끊겨 ", { since: why.goneAt }, " 전에 리스가 만료되었습니다.", ...then];
    case "deleted":
      return [{ since: why.goneAt }, " 전에 레코드가 삭제되었습니다.", ...then];
    case "missed":
      return ["이 옵저버가 꺼져 있는 동안 사라졌으며, ", { since: why.goneAt }, " 전에 확인했습니다.", ...then];
    default:
      return [{ since: why.goneAt }, " 전에 사라졌습니다 (", { said: why.why }, ").", ...then];
  }
}

function readySentence(why: Why & { kind: "ready" }): Part[] {
  const load =
    why.players === null
      ? "플레이어 수는 알 수 없습니다."
      : why.full
        ? `만석입니다 (${people(why.players)} / ${people(why.capacity!)}).`
        : `플레이어 ${why.capacity === null ? people(why.players) : `${people(why.players)} / ${people(why.capacity)}`}.`;
  const before: Part[] =
    why.before === null || why.before.status === "ready"
      ? []
      : [" 직전 상태: ", status(why.before.status), ...(why.before.forMs === null ? [] : [", ", { ms: why.before.forMs }, " 동안"]), ...(why.before.reason === null ? [] : [": ", { said: why.before.reason }]), "."];
  return [...age(why.since), "정상입니다. ", load, why.held ? " 드레인이 걸려 있으나 에이전트가 아직 따르지 않았습니다." : "", ...before];
}

function errorCause(of: Cause): Part[] {
  switch (of.what) {
    case "probe":
      return ["프로브 ", { said: of.probe }, " 실패: ", { said: of.text }];
    case "flapping":
      return ["상태가 반복해서 바뀝니다(플래핑): ", { said: of.text }];
    case "reported":
      return of.text === "" ? ["서버가 오류를 보고했습니다"] : ["서버가 오류를 보고했습니다: ", { said: of.text }];
    case "none":
      return ["사유가 없는 오류입니다"];
    default:
      return [{ said: of.text }];
  }
}

function times(of: Times | null): Part[] {
  return of === null ? [] : [", 최근 ", over(of.overMs), of.count === 1 ? " 중 처음" : ` 중 ${of.count}번째`];
}

function withCause(of: Cause): Part[] {
  return of.what === "none" ? [] : [" ", ...cause(of), "."];
}

function sentence(why: Why): Part[] {
  switch (why.kind) {
    case "error":
      return [...errorCause(why.cause), ". ", ...age(why.since), "오류 상태", ...times(why.times), "입니다.", why.held ? " 드레인도 걸려 있습니다." : ""];
    case "draining":
      return drainingSentence(why);
    case "initializing":
      return [...age(why.since), "초기화 중입니다.", ...withCause(why.cause), ...(why.lastTookMs === null ? [] : [" 지난번에는 ", { ms: why.lastTookMs }, " 걸렸습니다."])];
    case "shutting_down":
      return [...age(why.since), "종료 중입니다.", ...withCause(why.cause), why.players ? ` 아직 ${people(why.players)} 접속 중입니다.` : ""];
    case "offline":
      return offlineSentence(why);
    case "left":
      return ["정상적으로 종료했습니다. 종료 중 상태를 알린 뒤 ", { since: why.goneAt }, " 전에 레코드가 끝났습니다."];
    case "unknown":
      return [...age(why.since), "이 페이지가 모르는 상태 ", { said: why.status }, "입니다. 플레이어를 받지 않습니다."];
    case "ready":
      return readySentence(why);
  }
}

function short(why: ShortWhy): Part[] {
  switch (why.kind) {
    case "none":
      return [];
    case "said":
      return [{ said: why.text }];
    case "draining":
      return [...(why.by === null ? [] : [{ said: why.by }]), why.by !== null && why.reason !== null ? ": " : "", ...(why.reason === null ? [] : [{ said: why.reason }])];
    case "offline": {
      const how = ({ lease_expired: "리스 만료", deleted: "레코드 삭제", missed: "부재 중 사라짐" } as Record<string, string>)[why.why];
      return [how ?? { said: why.why }, ", 마지막 ", status(why.lastStatus), why.players === null ? "" : `, ${people(why.players)}`];
    }
    case "unknown":
      return ["상태 ", { said: why.status }];
    case "full":
      return ["만석"];
    case "held":
      return ["드레인이 걸려 있음"];
  }
}

function since(of: Since): Part[] {
  return of.sure === "atLeast" ? [" 또는 그 이전"] : of.sure === "unsure" ? [" (레지스트리 연결이 끊겨 이때 확인됨)"] : [];
}

function before(of: Before): Part[] {
  return [status(of.status), ...(of.forMs === null ? [] : [", ", { ms: of.forMs }, " 동안"]), ...(of.reason === null ? [] : [": ", { said: of.reason }])];
}

export const why: typeof english = {
  sentence,
  short,
  restless: (of) => ["최근 ", over(of.overMs), ` 동안 상태가 ${of.count}번 바뀌었습니다.`],
  evidence: "근거",
  labels: {
    reason: "사유",
    since: "시작",
    times: "오류 횟수",
    before: "직전 상태",
    hold: "드레인",
    deadline: "기한",
    players: "플레이어",
    playersThen: "당시 플레이어",
    lastStatus: "마지막 상태",
    state: "서버 상태 문구",
    weight: "가중치",
    signature: "서명",
  },
  since,
  before,
  times: (of) => ["최근 ", over(of.overMs), ` 중 ${of.count}번`],
  playersOf: (count, capacity) => (capacity === null ? people(count) : `${people(count)} / ${people(capacity)}`),
  hold: (by, reason, kinds) => [
    ...(by ? [{ said: by }] : []),
    ...(reason ? [by ? ": " : "", { said: reason }] : []),
    by || reason ? " (" : "",
    kinds.map((kind) => ({ ops: "운영자", self: "서버 자체", reload: "리로드 중", idle: "유휴", stop: "에이전트 종료" })[kind] ?? kind).join(", "),
    by || reason ? ")" : "",
  ],
  overdue: " (지남)",
  weightZero: "0: 이 서버에는 배정하지 않습니다",
  badSignature: "레코드의 서명이 올바르지 않습니다.",
};
