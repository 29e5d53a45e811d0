// What is asked of the audit, in the address of the page and of the observer, without React.
import { ApiError } from "../../wire/http";
import type { AuditEntry } from "../../wire/types";

export const SPANS = ["", "1h", "24h", "7d", "other"] as const;
export type Span = (typeof SPANS)[number];
export const OUTCOMES = ["ok", "refused", "failed"] as const;

export interface Asked {
  who: string;
  what: string;
  target: string;
  outcome: "" | AuditEntry["outcome"];
  span: Span;
  /** As an input of the kind datetime-local has them, in the zone of the reader; with the span "other". */
  from: string;
  to: string;
}

export const everything: Asked = { who: "", what: "", target: "", outcome: "", span: "", from: "", to: "" };

/** What the observer calls what it writes down (docs/access.md, "Audit"). */
export const KNOWN_WHATS = [
  "drain",
  "undrain",
  "wave.*",
  "wave.create",
  "wave.pause",
  "wave.resume",
  "wave.cancel",
  "wave.undo",
  "command",
  "key.*",
  "key.put",
  "key.delete",
  "keys.delete_prefix",
  "session.*",
  "reservation.*",
  "allocate",
  "join",
  "sign_in",
  "sign_out",
];

export function askedOf(search: string): Asked {
  const parameters = new URLSearchParams(search);
  const text = (name: string) => parameters.get(name) ?? "";
  const outcome = text("outcome");
  const span = text("span");
  return {
    who: text("who"),
    what: text("what"),
    target: text("target"),
    outcome: (OUTCOMES as readonly string[]).includes(outcome) ? (outcome as Asked["outcome"]) : "",
    span: (SPANS as readonly string[]).includes(span) ? (span as Span) : "",
    from: text("from"),
    to: text("to"),
  };
}

export function searchOf(asked: Asked): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value !== "" && (asked.span === "other" || (name !== "from" && name !== "to"))) {
      parameters.set(name, value);
    }
  }
  return parameters.toString();
}

function moment(local: string): string | null {
  const at = local === "" ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

const FRESH_MS = 15_000;

/** When to read again: whoever reads on is not moved, and what the observer refuses for good is not asked again. */
export function againIn(pages: number, error: Error | null): number | false {
  const refused = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
  return pages <= 1 && !refused ? FRESH_MS : false;
}

export interface Page {
  limit: number;
  before?: string | null;
  format?: "csv" | "jsonl";
}

/** The path of the request. */
export function pathOf(asked: Asked, { limit, before, format }: Page): string {
  const parameters = new URLSearchParams();
  for (const name of ["who", "what", "target", "outcome"] as const) {
    if (asked[name].trim() !== "") {
      parameters.set(name, asked[name].trim());
    }
  }
  if (asked.span === "other") {
    for (const name of ["from", "to"] as const) {
      const at = moment(asked[name]);
      if (at !== null) {
        parameters.set(name, at);
      }
    }
  } else if (asked.span !== "") {
    parameters.set("from", asked.span);
  }
  parameters.set("limit", String(limit));
  if (before != null) {
    parameters.set("before", before);
  }
  if (format !== undefined) {
    parameters.set("format", format);
  }
  return `/api/audit?${parameters}`;
}

/** The path of the page that a target stands for: "world/w1" is a server, a ULID of a wave a drain. */
export function pageOfTarget(entry: Pick<AuditEntry, "what" | "target">): { server: string } | { drain: string } | null {
  const { what, target } = entry;
  if (target === undefined) {
    return null;
  }
  if (what.startsWith("wave.") && /^[0-9A-HJKMNP-TV-Z]{26}$/.test(target)) {
    return { drain: target };
  }
  return (what === "drain" || what === "undrain" || what === "command") && /^[^/]+\/[^/]+$/.test(target) ? { server: target } : null;
}
