// The shapes of the HTTP API as docs/http-api.md has them. Members that the page does not read are left out.

export type Status = "initializing" | "ready" | "draining" | "shutting_down" | "error";

export interface Drain {
  holds: string[];
  by?: string;
  reason?: string;
  since?: string;
  deadline?: string;
}

/** One record of the registry. Absent means not known; `status` may be one that this page does not know. */
export interface ServerRecord {
  id: string;
  type: string;
  status: string;
  host?: string;
  ports?: number[];
  customState?: string;
  reason?: string;
  region?: string;
  zone?: string;
  group?: string;
  version?: string;
  tags?: string[];
  labels?: Record<string, string>;
  players?: number;
  capacity?: number;
  weight?: number;
  drain?: Drain;
  startedAt?: string;
  updatedAt?: string;
  signed?: boolean | null;
}

export interface ServiceList {
  services: ServerRecord[];
  total: number;
  healthy: number;
  unhealthy: number;
  revision: number;
  stale: boolean;
  ageMs: number;
  cursor: string;
  now: string;
}

export type Role = "viewer" | "service" | "operator" | "admin";
export type EdgeColour = "red" | "orange" | "green" | "blue" | "violet" | "grey";

export interface Me {
  name: string | null;
  role: Role | null;
  proof: "none" | "socket" | "token" | "cookie" | "certificate" | "proxy";
  rights: { read: boolean; place: boolean; act: boolean; administer: boolean };
  expires: string | null;
  version: string;
  now: string;
  ui?: { name: string; colour: EdgeColour | null };
}

export interface Transition {
  seq: number;
  at: string;
  unsure: boolean;
  after: string | null;
  kind: "seen" | "came" | "status" | "reason" | "drain" | "undrain" | "restart" | "went";
  from: string | null;
  to: string | null;
  reason?: string;
  why?: string;
  drain?: Drain;
}

export interface Life {
  began: string;
  exact: boolean;
  ended: string | null;
  why: string | null;
}

/** Numbers by the minute: the last of `values` is that of the minute `until`; null: not known. */
export interface ByMinute {
  step: number;
  until: string;
  values: (number | null)[];
}

export interface ServerHistory {
  type: string;
  id: string;
  online: boolean;
  status: string;
  goneAt: string | null;
  why: string | null;
  transitions: Transition[];
  lives: Life[];
  players: ByMinute;
  record: ServerRecord | null;
  stale: boolean;
  now: string;
}

export interface FleetHistory {
  minutes: number;
  step: number;
  until: string;
  types: Record<string, { players: (number | null)[]; seats: (number | null)[]; servers: Record<string, (number | null)[]> }>;
  stale: boolean;
  now: string;
}

/** A server whose record is gone; why: "left", "lease_expired", ... */
export interface Gone {
  type: string;
  id: string;
  status: string;
  goneAt: string;
  why: string;
  record: ServerRecord | null;
}

export interface OfflineList {
  servers: Gone[];
  total: number;
  stale: boolean;
  now: string;
}

export interface ActivityPage {
  transitions: (Transition & { type: string; id: string })[];
  next: number | null;
  stale: boolean;
  now: string;
}

export interface Hold {
  kind: string;
  reason: string;
  by: string;
  since: string;
  deadline: string | null;
  deadlineInMs: number | null;
  expires: string | null;
  expiresInMs: number | null;
  outcome: "waiting" | "empty" | "gone" | "deadline" | null;
}

export interface HoldAnswer {
  type: string;
  id: string;
  hold: Hold | null;
  lifted?: boolean;
  revision: number;
}

export interface Command {
  id: string;
  type: string;
  server: string;
  name: string;
  args: string;
  from: string;
  at: string;
  until: string;
  state: "queued" | "delivered" | "ok" | "error" | "expired";
  text: string | null;
}

export interface AuditEntry {
  id: string;
  when: string;
  who: string | null;
  role: string | null;
  how: string;
  from: string;
  session?: string | number;
  agent: string;
  what: string;
  target?: string;
  reason?: string;
  before?: string;
  after?: string;
  outcome: "ok" | "refused" | "failed";
  code?: string;
  request?: string;
  count?: number;
}

export interface AuditPage {
  entries: AuditEntry[];
  next: string | null;
  complete: boolean;
  missing?: string;
}

export interface Session {
  id: string;
  player: string;
  type: string;
  server: string;
  state: "active" | "orphaned";
  createdAt: string;
  touchedAt: string;
  expiresAt: string;
  data: Record<string, unknown>;
}

export interface Leader {
  scope: string;
  leader: { type: string; id: string; host?: string } | null;
  token: number | null;
  since: string | null;
  candidates: number;
}

export interface KeyInfo {
  key?: string;
  id: string;
  size: number;
  revision: number;
  lease: string | null;
  createRevision?: number;
  value?: string;
  valueBase64?: string;
}

export interface KeyPage {
  keys: KeyInfo[];
  revision: number;
  next: string | null;
  /** What may be shown: what begins with one of them. */
  roots: string[];
  /** What begins with it can not be changed. */
  readOnly: string;
}
