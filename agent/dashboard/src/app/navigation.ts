import type { Me } from "../wire/types";
import { places } from "./places";

export const placeNames = ["fleet", "drains", "activity", "audit", "sessions", "keys", "about"] as const;
export type PlaceName = (typeof placeNames)[number];

/** The places that somebody with these rights has something to see at. */
export function placesOf(me: Me): PlaceName[] {
  return placeNames.filter((name) => (name !== "audit" || me.rights.act) && (name !== "keys" || me.rights.administer));
}

export function isAt(location: string, place: string): boolean {
  return place === places.fleet ? location === "/" || location.startsWith("/server/") : location === place || location.startsWith(`${place}/`);
}

/** The place of an address. */
export function placeOf(location: string): PlaceName {
  return placeNames.find((name) => isAt(location, places[name])) ?? "fleet";
}

/** What follows g on the keyboard. */
export const placeKeys: Partial<Record<PlaceName, string>> = { fleet: "f", drains: "d", activity: "a", audit: "u", sessions: "s", keys: "k" };
