// GET /api/agent of an observer or a sidecar, as far as the page shows it.
export interface AgentFacts {
  observer?: boolean;
  type?: string;
  id?: string;
  view: {
    state: string;
    known: boolean;
    synced: boolean;
    ageMs: number;
    revision: number;
    services: number;
    healthy: number;
    unreadable: number;
    unreadableKeys: { key: string; kind: string; reason: string }[];
    listings: number;
    stalls: number;
    lastError: string | null;
    fileLastError: string | null;
  };
  registry: {
    prefix?: string;
    endpoints: { url: string; inUse: boolean; lastError: string | null; failedAt: string | null }[];
    clusterId: string | null;
    lastError: string | null;
  };
  sessions?: { store: string; up: boolean; lastError: string | null; active: number; orphaned: number; max: number } | null;
  version: string;
  configFile: string;
  stateDir: string | null;
  stateLastError: string | null;
  sandbox: { on: boolean; cause: string | null };
  uptimeMs: number;
  pid: number;
}
