// The shapes of /api/drains as docs/http-api.md has them.

export type DrainState = "planned" | "running" | "paused" | "cancelled" | "stopped" | "undoing" | "done";
export const SERVER_STATES = ["failed", "draining", "waiting", "skipped", "empty", "gone"] as const;
export type DrainServerState = (typeof SERVER_STATES)[number];
export type DrainOrder = "pause" | "resume" | "cancel" | "undo";

export interface DrainServer {
  server: string;
  state: DrainServerState;
  wave: number;
  held: boolean;
  since?: string;
  deadline?: string;
  why?: string;
}

/** One drain of many servers; lists and events leave its servers out. */
export interface ManyDrain {
  id: string;
  state: DrainState;
  why?: string;
  by: string;
  reason: string;
  filter?: string;
  wave: { size: number | string };
  maxDraining?: number;
  freeSeats: number;
  keepOne: boolean;
  pause: string | null;
  settle: string | null;
  deadline: string | null;
  onError: { stopAfter: number };
  then: "stay" | "undrain";
  undone: boolean;
  createdAt: string;
  changedAt: string;
  /** The present wave, from 1. */
  atWave: number;
  pauseUntil?: string;
  waves: number;
  counts: Record<DrainServerState, number>;
  holds: number;
  servers?: DrainServer[];
  /** Of one drain alone, as the observer that answers sees the fleet; null once it is over. */
  waitsFor?: WaitsFor | null;
}

export interface WaitsFor {
  text: string;
  /** "driver", "operator", "view", "players", "settle", "maxDraining", "freeSeats", "pause"; there may be others. */
  for: string[];
  /** Held, with `players` on those that tell it; `unknown` of them do not. */
  servers: number;
  unknown: number;
  players: number;
  /** Held and without players, but not for long enough yet. */
  settling: number;
  /** The server whose turn it is. */
  next: string | null;
  until: string | null;
}

export interface DrainList {
  drains: ManyDrain[];
  unreadable: number;
  stale: boolean;
  drives: boolean;
}

export type PlanWarning = "error" | "held" | "playersUnknown" | "kept" | "notReady";

export interface PlannedServer {
  server: string;
  wave: number;
  status: string;
  held: boolean;
  region: string | null;
  zone: string | null;
  players: number | null;
  warnings: PlanWarning[];
}

export interface PlannedWave {
  servers: number;
  players: number;
  freeSeatsAfter: number;
  belowFreeSeats: boolean;
}

export interface Plan {
  planHash: string;
  waves: PlannedWave[];
  servers: PlannedServer[];
  freeSeats: number;
}

/** What differs between the preview and the fleet of now; null: it is not there. */
export interface PlanChange {
  server: string;
  was: string | null;
  is: string | null;
}

export interface DrainBody {
  servers?: string[];
  filter?: Record<string, string | string[]>;
  reason: string;
  wave: { size: number | string };
  maxDraining?: number;
  freeSeats: number;
  keepOne: boolean;
  pause?: string;
  settle?: string;
  deadline?: string;
  onError: { stopAfter: number };
  then: "stay" | "undrain";
}
