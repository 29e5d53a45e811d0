import type { KeyInfo } from "../../wire/types";

// Names of keys: what is shown of them, what stands for them in an address, and which of them are below another.

function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += String.fromCharCode(byte);
  }
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function bytesOfId(id: string): Uint8Array {
  return Uint8Array.from(atob(id.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
}

/** The id of a key that is text, as the API has it. */
export function idOf(key: string): string {
  return toBase64Url(new TextEncoder().encode(key));
}

/** The `after` behind all keys that begin with `prefix`, but for one with 16 bytes 0xff in a row. */
export function behind(prefix: string): string {
  const bytes = new TextEncoder().encode(prefix);
  const all = new Uint8Array(bytes.length + 16).fill(0xff);
  all.set(bytes);
  return toBase64Url(all);
}

/** The key as text; bytes that are none are shown as \xNN. */
export function nameOf(info: Pick<KeyInfo, "id" | "key">): string {
  if (info.key !== undefined) {
    return info.key;
  }
  return [...bytesOfId(info.id)]
    .map((byte) => (byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`))
    .join("");
}

/** The text with what would be unseen, or turn the direction of the rest, as \uNNNN. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Whether all that begins with `prefix` is shown; "" stands for the list of the roots. */
export function isWithin(prefix: string, roots: readonly string[]): boolean {
  return prefix === "" || roots.some((root) => prefix.startsWith(root));
}

export interface Crumb {
  text: string;
  prefix: string;
}

/** The way to a prefix: "/services/world/w" is /services/, world/ and w. */
export function crumbsOf(prefix: string): Crumb[] {
  const crumbs: Crumb[] = [];
  let begin = 0;
  while (begin < prefix.length) {
    // The slash at the beginning separates nothing.
    const slash = prefix.indexOf("/", Math.max(begin, 1));
    const end = slash < 0 ? prefix.length : slash + 1;
    crumbs.push({ text: prefix.slice(begin, end), prefix: prefix.slice(0, end) });
    begin = end;
  }
  return crumbs;
}

/** The prefix that is one level up; null where there is none. */
export function parentOf(prefix: string): string | null {
  const crumbs = crumbsOf(prefix);
  return prefix === "" ? null : (crumbs.at(-2)?.prefix ?? "");
}
