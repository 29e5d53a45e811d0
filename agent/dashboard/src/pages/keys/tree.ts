import type { KeyInfo, KeyPage } from "../../wire/types";
import { behind } from "./names";

// The API has keys in the order of their bytes and knows no folders. What begins with the same segment stands together, so a
// folder is known by its first key, and a request with an `after` behind it skips the rest, however many keys it has.

export type Entry =
  | { kind: "folder"; prefix: string; /** Keys that were seen in it. */ count: number; /** There are others. */ more: boolean }
  | { kind: "key"; info: KeyInfo };

/** The folder below `prefix` that the key is in; null: it is at this level. */
export function folderOf(key: string, prefix: string): string | null {
  const slash = key.indexOf("/", Math.max(prefix.length, 1));
  return slash < 0 ? null : key.slice(0, slash + 1);
}

/** Adds a page of keys to the entries before it. */
export function fold(before: readonly Entry[], keys: readonly KeyInfo[], prefix: string): Entry[] {
  const entries = [...before];
  for (const info of keys) {
    const folder = info.key === undefined ? null : folderOf(info.key, prefix);
    const last = entries.at(-1);
    if (folder === null) {
      entries.push({ kind: "key", info });
    } else if (last?.kind === "folder" && last.prefix === folder) {
      entries[entries.length - 1] = { ...last, count: last.count + 1 };
    } else {
      entries.push({ kind: "folder", prefix: folder, count: 1, more: false });
    }
  }
  return entries;
}

export interface Part {
  entries: Entry[];
  /** Where the next part begins; null: there is none. */
  next: string | null;
  revision: number;
  roots: readonly string[];
  readOnly: string;
}

const ENOUGH = 200;
const REQUESTS = 12;

/** Reads keys below `prefix`: as folders, skipping what is in them, or all of them, a page at a time. */
export async function readPart(
  ask: (after: string | null) => Promise<KeyPage>,
  prefix: string,
  after: string | null,
  flat: boolean,
): Promise<Part> {
  let entries: Entry[] = [];
  let next: string | null = after;
  for (let count = 0; ; count++) {
    const page = await ask(next);
    entries = flat ? [...entries, ...page.keys.map((info): Entry => ({ kind: "key", info }))] : fold(entries, page.keys, prefix);
    next = page.next;
    const last = entries.at(-1);
    if (next !== null && last?.kind === "folder") {
      entries[entries.length - 1] = { ...last, more: true };
      next = behind(last.prefix);
    }
    if (next === null || flat || entries.length >= ENOUGH || count + 1 >= REQUESTS) {
      return { entries, next, revision: page.revision, roots: page.roots, readOnly: page.readOnly };
    }
  }
}

/** The top: where not every key is shown, what is shown is named without a request. */
export function rootEntries(roots: readonly string[]): Entry[] | null {
  return roots.includes("") ? null : roots.map((prefix) => ({ kind: "folder", prefix, count: 0, more: true }));
}
