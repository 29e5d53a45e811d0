// The form of a drain of many servers: its values, the body made of them, and which field an error is of.
import type { Row } from "../../fleet/row";
import type { DrainBody } from "../../wire/drains";
import { waveSize } from "./model";

export type FilterName = "type" | "status" | "region" | "zone" | "group" | "tag" | `label.${string}`;
export interface FilterTerm {
  name: FilterName;
  value: string;
}

export interface FormValues {
  by: "servers" | "filter";
  servers: string[];
  filter: FilterTerm[];
  reason: string;
  size: string;
  maxDraining: string;
  freeSeats: string;
  keepOne: boolean;
  pause: string;
  settle: string;
  deadline: string;
  stopAfter: string;
  then: "stay" | "undrain";
}

export const initialValues: FormValues = {
  by: "filter",
  servers: [],
  filter: [],
  reason: "",
  size: "1",
  maxDraining: "",
  freeSeats: "0",
  keepOne: true,
  pause: "",
  settle: "5s",
  deadline: "30m",
  stopAfter: "1",
  then: "stay",
};

export type Field = "servers" | "filter" | "reason" | "size" | "maxDraining" | "freeSeats" | "pause" | "settle" | "deadline" | "stopAfter";
export type Problem = "noServers" | "tooManyServers" | "noFilter" | "size" | "number" | "duration";

/** A body has at most 256 values in it; the rest of the form takes fewer than 16. */
export const NAMED_MAX = 240;

const duration = /^\d+(\.\d+)?(ms|s|m|h|d)?$/;

function number(text: string, min: number): boolean {
  return /^\d{1,10}$/.test(text.trim()) && Number(text) >= min;
}

/** What is wrong before the observer is asked. */
export function problems(values: FormValues): Partial<Record<Field, Problem>> {
  const found: Partial<Record<Field, Problem>> = {};
  if (values.by === "servers" && values.servers.length === 0) {
    found.servers = "noServers";
  } else if (values.by === "servers" && values.servers.length > NAMED_MAX) {
    found.servers = "tooManyServers";
  } else if (values.by === "filter" && values.filter.length === 0) {
    found.filter = "noFilter";
  }
  if (waveSize(values.size, 1) === null) {
    found.size = "size";
  }
  if (values.maxDraining.trim() !== "" && !number(values.maxDraining, 1)) {
    found.maxDraining = "number";
  }
  for (const name of ["freeSeats", "stopAfter"] as const) {
    if (!number(values[name], 0)) {
      found[name] = "number";
    }
  }
  for (const name of ["pause", "settle", "deadline"] as const) {
    if (values[name].trim() !== "" && !duration.test(values[name].trim())) {
      found[name] = "duration";
    }
  }
  return found;
}

function filterOf(terms: readonly FilterTerm[]): Record<string, string | string[]> {
  const filter: Record<string, string | string[]> = {};
  for (const { name, value } of terms) {
    const there = filter[name];
    filter[name] = there === undefined ? value : [...(Array.isArray(there) ? there : [there]), value];
  }
  return filter;
}

export function bodyOf(values: FormValues): DrainBody {
  const size = values.size.trim();
  const span = (text: string) => (text.trim() === "" ? undefined : text.trim());
  return {
    ...(values.by === "servers" ? { servers: values.servers } : { filter: filterOf(values.filter) }),
    reason: values.reason.trim(),
    wave: { size: size.endsWith("%") ? size : Number(size) },
    maxDraining: values.maxDraining.trim() === "" ? undefined : Number(values.maxDraining),
    freeSeats: Number(values.freeSeats),
    keepOne: values.keepOne,
    pause: span(values.pause),
    settle: span(values.settle),
    deadline: span(values.deadline),
    onError: { stopAfter: Number(values.stopAfter) },
    then: values.then,
  };
}

/** The field that a message of the observer begins with ("wave.size: ..."); null: it is of the whole form. */
export function fieldOf(code: string, message: string, by: FormValues["by"]): Field | null {
  if (code === "no_such_service" || code === "too_many_servers") {
    return by;
  }
  if (code !== "bad_body") {
    return null;
  }
  if (by === "filter" && message.startsWith("unknown parameter")) {
    return "filter";
  }
  const name = /^([a-zA-Z]+(\.[a-zA-Z]+)?)(\[\d+\])?:/.exec(message)?.[1];
  const fields: Record<string, Field> = {
    servers: "servers",
    filter: "filter",
    reason: "reason",
    wave: "size",
    "wave.size": "size",
    maxDraining: "maxDraining",
    freeSeats: "freeSeats",
    pause: "pause",
    settle: "settle",
    deadline: "deadline",
    onError: "stopAfter",
    "onError.stopAfter": "stopAfter",
  };
  return name === undefined ? null : (fields[name] ?? (by === "filter" && /^(status|tag|type|region|zone|group|label\.)/.test(name) ? "filter" : null));
}

/** The value of a filter's parameter in a record; several of a tag. */
export function valuesOf(record: Row["record"], name: FilterName): string[] {
  if (name === "tag") {
    return record.tags ?? [];
  }
  if (name.startsWith("label.")) {
    const value = record.labels?.[name.slice("label.".length)];
    return value === undefined ? [] : [value];
  }
  const value = record[name as "type" | "status" | "region" | "zone" | "group"];
  return value === undefined ? [] : [value];
}

/** Only a tag and a label may be given twice: a server has one zone. */
export function addTerm(terms: readonly FilterTerm[], term: FilterTerm): FilterTerm[] {
  const many = term.name === "tag" || term.name.startsWith("label.");
  return [...terms.filter((each) => (many ? each.name !== term.name || each.value !== term.value : each.name !== term.name)), term];
}

/** The servers that are there and match every term, as the observer would choose them. */
export function matching(rows: Iterable<Row>, terms: readonly FilterTerm[]): Row[] {
  const found: Row[] = [];
  for (const row of rows) {
    if (row.gone === null && terms.every(({ name, value }) => valuesOf(row.record, name).includes(value))) {
      found.push(row);
    }
  }
  return found;
}

/** The parameters that the records of the fleet have, with their values. */
export function choices(rows: Iterable<Row>): Map<FilterName, string[]> {
  const found = new Map<FilterName, Set<string>>();
  for (const { record, gone } of rows) {
    if (gone !== null) {
      continue;
    }
    const names: FilterName[] = ["type", "status", "region", "zone", "group", "tag", ...Object.keys(record.labels ?? {}).map((each) => `label.${each}` as const)];
    for (const name of names) {
      for (const value of valuesOf(record, name)) {
        const values = found.get(name) ?? new Set();
        found.set(name, values.add(value));
      }
    }
  }
  return new Map([...found].map(([name, values]) => [name, [...values].sort()]));
}
