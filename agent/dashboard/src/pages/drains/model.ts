// What the pages of drains reckon, without React.
import { SERVER_STATES, type DrainOrder, type DrainServer, type DrainServerState, type DrainState, type ManyDrain, type Plan, type PlanChange, type PlannedServer, type WaitsFor } from "../../wire/drains";

/** "/drains/new" is the form; ids are ULIDs and never that. */
export const NEW = "new";

// As the observer has it (docs/design/protocol.md, "Waves"): what it would refuse is not offered.
const orders: Record<DrainState, DrainOrder[]> = {
  planned: ["pause", "cancel", "undo"],
  running: ["pause", "cancel", "undo"],
  paused: ["resume", "cancel", "undo"],
  stopped: ["resume", "cancel", "undo"],
  cancelled: ["undo"],
  undoing: [],
  done: ["undo"],
};

export function ordersOf(drain: Pick<ManyDrain, "state" | "holds">): DrainOrder[] {
  // An undo without a hold would change nothing but the word of the state.
  return (orders[drain.state] ?? []).filter((order) => order !== "undo" || drain.holds > 0);
}

export function isOver(state: DrainState): boolean {
  return state === "done" || state === "cancelled";
}

export function total(counts: ManyDrain["counts"]): number {
  return SERVER_STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** Those of which nothing more is awaited. */
export function through(counts: ManyDrain["counts"]): number {
  return counts.empty + counts.gone + counts.skipped + counts.failed;
}

export interface Segment {
  state: DrainServerState;
  count: number;
  percent: number;
}

// In the order in which a server goes through them, so that the bar fills from its left.
const barOrder: DrainServerState[] = ["empty", "gone", "skipped", "failed", "draining", "waiting"];

/** The bar of progress, without what nobody is in. */
export function segments(counts: ManyDrain["counts"]): Segment[] {
  const all = total(counts);
  return barOrder
    .filter((state) => counts[state] > 0)
    .map((state) => ({ state, count: counts[state], percent: (counts[state] / all) * 100 }));
}

export function countServers(servers: readonly { state: DrainServerState }[]): ManyDrain["counts"] {
  const counts = Object.fromEntries(SERVER_STATES.map((state) => [state, 0])) as ManyDrain["counts"];
  for (const { state } of servers) {
    counts[state]++;
  }
  return counts;
}

export interface WaveOf {
  wave: number;
  servers: DrainServer[];
  counts: ManyDrain["counts"];
}

export function wavesOf(servers: readonly DrainServer[]): WaveOf[] {
  const waves = new Map<number, DrainServer[]>();
  for (const server of servers) {
    const of = waves.get(server.wave);
    if (of === undefined) {
      waves.set(server.wave, [server]);
    } else {
      of.push(server);
    }
  }
  return [...waves].sort(([a], [b]) => a - b).map(([wave, of]) => ({ wave, servers: of, counts: countServers(of) }));
}

/** Servers of a wave, as the observer reckons it: a share is of all and rounded up. Null: no such size. */
export function waveSize(size: string, servers: number): number | null {
  const match = /^(\d{1,3})(%?)$/.exec(size.trim());
  const number = Number(match?.[1]);
  if (match === null || number < 1 || number > (match[2] ? 100 : 500)) {
    return null;
  }
  return match[2] ? Math.max(1, Math.ceil((servers * number) / 100)) : number;
}

export function waveCount(size: string, servers: number): number | null {
  const of = waveSize(size, servers);
  return of === null ? null : Math.ceil(servers / of);
}

/** One thing that a drain waits for. */
export type Waits =
  | { kind: "told"; text: string }
  | { kind: "players"; servers: number; players: number | null; unknown: number }
  | { kind: "settle"; servers: number; settle: string | null }
  | { kind: "maxDraining"; next: string | null; most: number | null }
  | { kind: "freeSeats"; next: string | null; floor: number }
  | { kind: "pause"; until: number }
  | { kind: "stopped"; why: string }
  | { kind: "paused" | "planned" | "driver" | "view" };

/** What the observer says; a word that this page does not know has the observer's own sentence in its place. */
function told(drain: ManyDrain, says: WaitsFor): Waits[] {
  const { servers, players, unknown, settling, next } = says;
  const found: Waits[] = [];
  for (const word of says.for) {
    if (word === "players") {
      found.push({ kind: word, servers, players, unknown });
    } else if (word === "settle") {
      found.push({ kind: word, servers: settling, settle: drain.settle });
    } else if (word === "maxDraining") {
      found.push({ kind: word, next, most: drain.maxDraining ?? null });
    } else if (word === "freeSeats") {
      found.push({ kind: word, next, floor: drain.freeSeats });
    } else if (word === "pause" && says.until !== null) {
      found.push({ kind: word, until: Date.parse(says.until) });
    } else if (word === "driver" || word === "view") {
      found.push({ kind: word });
    } else if (word !== "operator") {
      return [{ kind: "told", text: says.text }];
    }
  }
  return found;
}

/** Why nothing more happens at this moment: what the observer says, and without it what the drain itself tells. */
export function waitsOf(drain: ManyDrain): Waits[] {
  if (isOver(drain.state)) {
    return [];
  }
  const said = drain.waitsFor ? told(drain, drain.waitsFor) : [];
  if (drain.state === "stopped") {
    return [{ kind: "stopped", why: drain.why ?? "" }, ...said];
  }
  if (drain.state === "paused") {
    return [{ kind: "paused" }, ...said];
  }
  if (said.length > 0) {
    return said;
  }
  if (drain.state === "planned") {
    return [{ kind: "planned" }];
  }
  if (drain.pauseUntil !== undefined) {
    return [{ kind: "pause", until: Date.parse(drain.pauseUntil) }];
  }
  return drain.state === "running" && drain.counts.draining > 0 ? [{ kind: "players", servers: drain.counts.draining, players: null, unknown: 0 }] : [];
}

function says(server: PlannedServer): string {
  return `${server.status}${server.zone ? `, zone ${server.zone}` : ""}`;
}

/** What differs between two plans, in the observer's words: what it says itself where it still has the first one. */
export function difference(before: Plan, after: Plan): PlanChange[] {
  const was = new Map(before.servers.map((server) => [server.server, server]));
  const is = new Map(after.servers.map((server) => [server.server, server]));
  const changes: PlanChange[] = [];
  for (const server of after.servers) {
    const old = was.get(server.server);
    if (old === undefined || says(old) !== says(server) || old.held !== server.held) {
      changes.push({ server: server.server, was: old === undefined ? null : heldSays(old), is: heldSays(server) });
    }
  }
  for (const server of before.servers) {
    if (!is.has(server.server)) {
      changes.push({ server: server.server, was: heldSays(server), is: null });
    }
  }
  return changes;
}

function heldSays(server: PlannedServer): string {
  return server.held ? `${says(server)}, held` : says(server);
}

export function planTotals(plan: Plan): { servers: number; waves: number; players: number; unknown: number; warned: number; below: number } {
  return {
    servers: plan.servers.length,
    waves: plan.waves.length,
    players: plan.servers.reduce((sum, server) => sum + (server.players ?? 0), 0),
    unknown: plan.servers.filter((server) => server.players === null).length,
    warned: plan.servers.filter((server) => server.warnings.length > 0).length,
    below: plan.waves.filter((wave) => wave.belowFreeSeats).length,
  };
}
