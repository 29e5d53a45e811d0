// A fleet in which every state of the page can be seen, and the addresses of all pages.
const minutes = (n) => new Date(Date.now() + n * 60_000).toISOString();

export const SERVERS = [
  { type: "world", id: "w1", players: 318, capacity: 400, zone: "kr-a", region: "kr", version: "1.4.2", labels: { map: "harbor" }, startedAt: minutes(-300) },
  { type: "world", id: "w2", players: 0, capacity: 400, zone: "kr-b", region: "kr", version: "1.4.2", labels: { map: "dunes" }, customState: "a boss fight" },
  { type: "world", id: "w3", status: "error", reason: "probe game: connection refused (3 of 3)", zone: "kr-a", region: "kr", version: "1.4.2" },
  {
    type: "world", id: "w4", status: "draining", players: 12, capacity: 400, zone: "kr-b", region: "kr", version: "1.4.1",
    reason: "drained by operator (olga): patch 1.4.2", drain: { holds: ["ops"], by: "olga", reason: "patch 1.4.2", since: minutes(-3), deadline: minutes(27) },
  },
  { type: "dungeon", id: "d1", status: "initializing", reason: "loading the map", zone: "jp-a", region: "jp", version: "1.4.2" },
  { type: "dungeon", id: "d2", status: "shutting_down", reason: "stopped by systemd", zone: "jp-a", region: "jp", version: "1.4.2" },
  { type: "lobby", id: "l1", status: "sleeping", players: 40, capacity: 1000, zone: "kr-a", region: "kr", version: "1.4.2" },
];
/** Goes without a word, so that it is shown as offline. */
export const LOST = { type: "lobby", id: "l2", players: 77, capacity: 1000, zone: "kr-a", region: "kr", version: "1.4.2" };

export const PLACES = {
  fleet: "/",
  server: "/server/world/w3",
  drains: "/drains",
  activity: "/activity",
  audit: "/audit",
  sessions: "/sessions",
  keys: "/keys",
  about: "/about",
};

/** Writes the servers above, a session and some entries of the audit; the observer must be ready. */
export async function fill(world) {
  await world.server(LOST);
  for (const record of SERVERS) {
    await world.server(record);
  }
  await world.api("olga", "POST", "/api/services/world/w2/drain", { reason: "patch 1.4.3" });
  await world.api("olga", "POST", "/api/services/world/w2/undrain", {});
  await world.api("vera", "POST", "/api/services/world/w1/drain", { reason: "may not" });
  await world.api("lobby", "PUT", "/api/sessions/s1", { player: "mina", server: "world/w1", data: { party: 7 } });
  await world.loses(LOST);
}
