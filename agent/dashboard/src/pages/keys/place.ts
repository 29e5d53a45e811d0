import { useLocation, useSearch } from "wouter";
import { places } from "../../app/places";

/** What the address of the page says: where it is, and which key is open. */
export interface KeyPlace {
  prefix: string;
  /** The id of the key that is open. */
  open: string | null;
  /** All keys below the prefix instead of folders. */
  flat: boolean;
}

export function readPlace(search: string): KeyPlace {
  const parameters = new URLSearchParams(search);
  return { prefix: parameters.get("prefix") ?? "", open: parameters.get("key"), flat: parameters.has("flat") };
}

/** Whether what is heard of the keys below `prefix` tells of the key that is open as well: it may be another's, by a link or as a new one. */
export function isFollowed(name: string, prefix: string, followed: boolean): boolean {
  return followed && name.startsWith(prefix);
}

export function hrefOf({ prefix, open, flat }: KeyPlace): string {
  const parameters = new URLSearchParams();
  if (prefix !== "") {
    parameters.set("prefix", prefix);
  }
  if (flat) {
    parameters.set("flat", "1");
  }
  if (open !== null) {
    parameters.set("key", open);
  }
  const text = parameters.toString();
  return text === "" ? places.keys : `${places.keys}?${text}`;
}

export function useKeyPlace(): [KeyPlace, (part: Partial<KeyPlace>) => void] {
  const place = readPlace(useSearch());
  const [, navigate] = useLocation();
  return [place, (part) => navigate(hrefOf({ ...place, ...part }))];
}
