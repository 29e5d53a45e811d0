import type { KeyInfo } from "../../wire/types";

// Values of keys as they are read, shown and written.

export type Format = "json" | "text" | "base64" | "hex";
export type KeyValue = Pick<KeyInfo, "value" | "valueBase64">;

export function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

export function toHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const seen = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${seen}`);
  }
  return lines.join("\n");
}

function bytesOf({ value, valueBase64 }: KeyValue): Uint8Array {
  return valueBase64 !== undefined ? bytesOfBase64(valueBase64) : new TextEncoder().encode(value ?? "");
}

/** The value on several lines; null where it is no object or array of JSON. Numbers stay as they are written: a revision is beyond what a number holds. */
export function prettyJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) {
    return null;
  }
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return layOut(text);
}

/** Lays out text that is JSON without reading its numbers and strings. */
function layOut(text: string): string {
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  for (const [index, token] of tokens.entries()) {
    if (token === "{" || token === "[") {
      depth++;
      const closes = tokens[index + 1] === "}" || tokens[index + 1] === "]";
      out += closes ? token : token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      const opened = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      out += opened ? token : line() + token;
    } else {
      out += token === "," ? token + line() : token === ":" ? ": " : token;
    }
  }
  return out;
}

/** Why the text is no JSON; null: it is. */
export function jsonTrouble(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The formats in which a value can be shown, the best first. */
export function formatsOf(value: KeyValue): Format[] {
  if (value.valueBase64 !== undefined) {
    return ["hex", "base64"];
  }
  return prettyJson(value.value ?? "") !== null ? ["json", "text", "base64", "hex"] : ["text", "base64", "hex"];
}

export function shownAs(value: KeyValue, format: Format): string {
  switch (format) {
    case "json":
      return prettyJson(value.value ?? "") ?? value.value ?? "";
    case "text":
      return value.value ?? "";
    case "base64":
      return toBase64(bytesOf(value));
    case "hex":
      return toHex(bytesOf(value));
  }
}

/** What is edited: text, or base64 where it is none. */
export function draftOf(value: KeyValue): string {
  return value.valueBase64 ?? value.value ?? "";
}

/** The body of a PUT; null where the draft is no base64. */
export function bodyOf(draft: string, asBytes: boolean): { value: string } | { valueBase64: string } | null {
  if (!asBytes) {
    return { value: draft };
  }
  try {
    return { valueBase64: toBase64(bytesOfBase64(draft.replace(/\s+/g, ""))) };
  } catch {
    return null;
  }
}

export interface DiffLine {
  text: string;
  changed: boolean;
}

/** The lines of both, marked where they differ: those between what both begin and end with. */
export function diffLines(left: string, right: string): [DiffLine[], DiffLine[]] {
  const a = left.split("\n");
  const b = right.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail++;
  }
  const mark = (lines: string[]) => lines.map((text, index) => ({ text, changed: index >= head && index < lines.length - tail }));
  return [mark(a), mark(b)];
}
