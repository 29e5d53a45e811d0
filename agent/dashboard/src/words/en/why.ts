import type { Before, Cause, Evidence, ShortWhy, Since, Times, Why } from "../../fleet/why";
import type { Part } from "../parts";
import { grouped } from "../time";

const statuses: Record<string, string> = { shutting_down: "shutting down" };
const status = (word: string): Part => (word in statuses ? statuses[word]! : { said: word });
const players = (count: number) => (count === 1 ? "1 player" : `${grouped(count)} players`);

function ordinal(count: number): string {
  const teen = count % 100 > 10 && count % 100 < 14;
  return `${count}${teen ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th")}`;
}

function age(since: Since | null): Part[] {
  return since === null ? [] : since.sure === "known" ? [" for ", { since: since.at }] : [" for at least ", { since: since.at }];
}

const over = (ms: number): Part => (ms >= 86_400_000 ? "24 h" : { ms });

function cause(of: Cause): Part[] {
  switch (of.what) {
    case "probe":
      return ["probe ", { said: of.probe }, " says: ", { said: of.text }];
    case "reported":
      return of.text === "" ? ["the server says so itself"] : ["the server says: ", { said: of.text }];
    case "none":
      return ["no reason given"];
    default:
      return [{ said: of.text }];
  }
}

function drainingSentence(why: Why & { kind: "draining" }): Part[] {
  const who: Part[] = why.by === null ? ["Draining"] : ["Drained by ", { said: why.by }];
  const what: Part[] = why.reason === null ? [] : [": ", { said: why.reason }];
  const left: Part[] =
    why.deadline === null ? ["; no deadline"] : why.over ? ["; ", "the deadline passed ", { since: why.deadline }, " ago"] : ["; ", { until: why.deadline }, " left"];
  const there: Part[] = why.players === null ? [", players not known"] : why.players === 0 ? [", no players left"] : [`, ${players(why.players)} still there`];
  return [...who, ...what, ...left, ...there, "."];
}

function offlineSentence(why: Why & { kind: "offline" }): Part[] {
  const ago: Part[] = [{ since: why.goneAt }, " ago"];
  const then: Part[] = ["; it was ", status(why.lastStatus), why.players === null ? "" : ` with ${players(why.players)}`, "."];
  switch (why.why) {
    case "lease_expired":
      return ["Its agent went silent: the lease ended ", ...ago, ...then];
    case "deleted":
      return ["Its record was deleted ", ...ago, ...then];
    case "missed":
      return ["It went while this observer was not running, found out ", ...ago, ...then];
    default:
      return ["Gone (", { said: why.why }, ") ", ...ago, ...then];
  }
}

function readySentence(why: Why & { kind: "ready" }): Part[] {
  const load =
    why.players === null
      ? "players not known"
      : why.full
        ? `full, ${grouped(why.players)} of ${grouped(why.capacity!)} players`
        : why.capacity === null
          ? players(why.players)
          : `${grouped(why.players)} of ${grouped(why.capacity)} players`;
  const before: Part[] =
    why.before === null || why.before.status === "ready"
      ? []
      : [" Before, it was ", status(why.before.status), ...(why.before.forMs === null ? [] : [" for ", { ms: why.before.forMs }]), ...(why.before.reason === null ? [] : [": ", { said: why.before.reason }]), "."];
  return ["Ready", ...age(why.since), ", ", load, ".", why.held ? " A hold is set, and its agent has not followed it yet." : "", ...before];
}

const errorCause = (of: Cause): Part[] => (of.what === "probe" ? ["Probe ", { said: of.probe }, " fails: ", { said: of.text }] : of.what === "flapping" ? ["It flaps: ", { said: of.text }] : of.what === "reported" ? (of.text === "" ? ["The server reported an error"] : ["The server reported an error: ", { said: of.text }]) : of.what === "none" ? ["An error without a reason"] : [{ said: of.text }]);

function times(of: Times | null): Part[] {
  return of === null ? [] : of.count === 1 ? [", the first time in ", over(of.overMs)] : [`, the ${ordinal(of.count)} time in `, over(of.overMs)];
}

function sentence(why: Why): Part[] {
  switch (why.kind) {
    case "error":
      return [...errorCause(why.cause), "; in error", ...age(why.since), ...times(why.times), ".", why.held ? " It is also held for a drain." : ""];
    case "draining":
      return drainingSentence(why);
    case "initializing": {
      const took: Part[] = why.lastTookMs === null ? [] : [" The last time it took ", { ms: why.lastTookMs }, "."];
      return ["Initializing", ...age(why.since), why.cause.what === "none" ? "" : ": ", ...(why.cause.what === "none" ? [] : cause(why.cause)), ".", ...took];
    }
    case "shutting_down":
      return ["Shutting down", ...age(why.since), why.cause.what === "none" ? "" : ": ", ...(why.cause.what === "none" ? [] : cause(why.cause)), why.players ? `; ${players(why.players)} still there.` : "."];
    case "offline":
      return offlineSentence(why);
    case "left":
      return ["It has left in good order: it said shutting down, and its record ended ", { since: why.goneAt }, " ago."];
    case "unknown":
      return ["It says ", { said: why.status }, ...age(why.since), ", a status that this page does not know: it takes no players."];
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
      const how = ({ lease_expired: "lease ended", deleted: "record deleted", missed: "went unseen" } as Record<string, string>)[why.why];
      return [how ?? { said: why.why }, ", was ", status(why.lastStatus), why.players === null ? "" : `, ${players(why.players)}`];
    }
    case "unknown":
      return ["says ", { said: why.status }];
    case "full":
      return ["full"];
    case "held":
      return ["a hold is set"];
  }
}

function since(of: Since): Part[] {
  return of.sure === "atLeast" ? [" or longer"] : of.sure === "unsure" ? [" (seen only then: the registry was out of touch)"] : [];
}

function before(of: Before): Part[] {
  return [status(of.status), ...(of.forMs === null ? [] : [" for ", { ms: of.forMs }]), ...(of.reason === null ? [] : [": ", { said: of.reason }])];
}

export const why = {
  sentence,
  short,
  restless: (of: Times): Part[] => [`Its status changed ${of.count} times in the last `, over(of.overMs), "."],
  evidence: "Evidence",
  labels: {
    reason: "Reason",
    since: "Since",
    times: "Errors",
    before: "Before",
    hold: "Hold",
    deadline: "Deadline",
    players: "Players",
    playersThen: "Players then",
    lastStatus: "Last status",
    state: "State",
    weight: "Weight",
    signature: "Signature",
  } satisfies Record<Evidence["what"], string>,
  since,
  before,
  times: (of: Times): Part[] => [`${of.count} in `, over(of.overMs)],
  playersOf: (count: number, capacity: number | null) => (capacity === null ? grouped(count) : `${grouped(count)} of ${grouped(capacity)}`),
  hold: (by: string | undefined, reason: string | undefined, kinds: readonly string[]): Part[] => [
    ...(by ? [{ said: by }] : []),
    ...(reason ? [by ? ": " : "", { said: reason }] : []),
    by || reason ? " (" : "",
    kinds.map((kind) => ({ ops: "by an operator", self: "by the server itself", reload: "while it reloads", idle: "as it is idle", stop: "as its agent stops" })[kind] ?? kind).join(", "),
    by || reason ? ")" : "",
  ],
  overdue: " (passed)",
  weightZero: "0: no player is placed here",
  badSignature: "The signature of the record is wrong.",
};
