import type { Key } from "../fleet/row";

// The addresses of the page; the observer answers these with the page, and all others with 404 (docs/http-api.md).
export const places = {
  fleet: "/",
  drains: "/drains",
  activity: "/activity",
  audit: "/audit",
  sessions: "/sessions",
  keys: "/keys",
  about: "/about",
  server: (key: Key) => `/server/${key.split("/").map(encodeURIComponent).join("/")}`,
  drain: (id: string) => `/drains/${encodeURIComponent(id)}`,
} as const;
