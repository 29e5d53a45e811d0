import type { ServerHistory } from "../wire/types";

/** A stretch of time with one status. */
export interface Stretch {
  from: number;
  to: number;
  /** A status of the record; null: it was not there; undefined: not known. */
  status: string | null | undefined;
}

/** What a server was from `begin` to `now`, the whole of it, in order. What was found out late is not known until then. */
export function bandOf(history: Pick<ServerHistory, "transitions">, begin: number, now: number): Stretch[] {
  const found: Stretch[] = [];
  const add = (from: number, to: number, status: Stretch["status"]) => {
    const inside = { from: Math.max(from, begin), to: Math.min(to, now), status };
    const last = found.at(-1);
    if (inside.to <= inside.from) {
      return;
    }
    if (last !== undefined && last.status === status && last.to === inside.from) {
      last.to = inside.to;
    } else {
      found.push(inside);
    }
  };
  const first = history.transitions[0];
  let status: Stretch["status"] = first === undefined || first.kind !== "came" ? undefined : null;
  let from = begin;
  for (const each of history.transitions) {
    const at = Date.parse(each.at);
    const sureUntil = each.unsure ? Math.max(from, Date.parse(each.after ?? "") || from) : at;
    add(from, sureUntil, status);
    add(sureUntil, at, undefined);
    status = each.kind === "went" ? null : (each.to ?? undefined);
    from = Math.max(at, begin);
  }
  add(from, now, status);
  return found;
}
