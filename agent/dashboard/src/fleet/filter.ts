import type { ServerRecord } from "../wire/types";
import type { Row } from "./row";

/*
 * The text that says which servers are meant: `status:error zone:kr-a,kr-b label.map="old town" -version:1.4* players>400 harbor`.
 *
 * A term is FIELD:VALUES, FIELD=VALUES, a comparison of a number, or a word. A minus before it turns it round. Values are parted by
 * commas, and any of them will do; several terms of one field likewise, but for tags, of which a server has many. `*` at the end of
 * a value stands for any rest, and alone for "is known". A word is looked for in the id, the host and the texts of a server. What
 * names no field is a word as well: `10.0.0.5:7001` is an address.
 */
export interface Term {
  readonly not: boolean;
  /** Null: words. A label is "label.NAME". */
  readonly field: string | null;
  readonly op: ":" | ">" | "<" | ">=" | "<=";
  readonly values: readonly string[];
}

export interface Filter {
  readonly text: string;
  readonly terms: readonly Term[];
}

type Read = (row: Row) => string | undefined;
type ReadNumber = (record: ServerRecord) => number | undefined;

const equal: Record<string, Read> = {
  status: (row) => row.status,
  type: (row) => row.record.type,
  region: (row) => row.record.region,
  zone: (row) => row.record.zone,
  group: (row) => row.record.group,
  version: (row) => row.record.version,
};

const within: Record<string, Read> = {
  id: (row) => row.key,
  host: (row) => row.record.host,
  state: (row) => row.record.customState,
  reason: (row) => row.record.reason,
  by: (row) => row.record.drain?.by,
  drain: (row) => (row.record.drain === undefined ? undefined : `${row.record.drain.holds.join(" ")} ${row.record.drain.reason ?? ""}`),
};

const numbers: Record<string, ReadNumber> = {
  players: (record) => record.players,
  capacity: (record) => record.capacity,
  free: (record) => (record.players === undefined || record.capacity === undefined ? undefined : record.capacity - record.players),
  weight: (record) => record.weight ?? 1,
};

/** The fields that a text may name, besides label.NAME. */
export const FIELDS = [...Object.keys(equal), ...Object.keys(within), "tag", "port", ...Object.keys(numbers)] as const;

const fieldNames = new Set<string>(FIELDS);
const LABEL = "label.";
// A minus, a field, what stands between, and the rest: quoted pieces may hold blanks.
const TERM = /(-?)(?:([A-Za-z]+|label\.[^\s:=<>"]+)(:|>=|<=|=|>|<))?((?:"(?:[^"\\]|\\.)*"?|[^\s"])+)/g;
const VALUE = /"((?:[^"\\]|\\.)*)"?|([^,"]+)/g;

function isField(name: string): boolean {
  return fieldNames.has(name) || (name.startsWith(LABEL) && name.length > LABEL.length);
}

function valuesOf(text: string): string[] {
  return [...text.matchAll(VALUE)].map((each) => (each[1] !== undefined ? each[1].replace(/\\(.)/g, "$1") : each[2]!));
}

function unquoted(text: string): string {
  return text.replace(/"((?:[^"\\]|\\.)*)"?/g, (_, inner: string) => inner.replace(/\\(.)/g, "$1"));
}

/** A field that waits for its value asks nothing yet. */
function isBegun(word: string): boolean {
  const name = /^(.+?)(?:[:=<>]|>=|<=)$/.exec(word)?.[1];
  return name !== undefined && isField(name);
}

function term(whole: string, minus: string, name: string | undefined, op: string | undefined, rest: string): Term | null {
  const not = minus === "-" && whole.length > 1;
  const field = name?.startsWith(LABEL) ? name : name?.toLowerCase();
  const compares = op === ">" || op === "<" || op === ">=" || op === "<=";
  if (field === undefined || !isField(field) || (compares && !(field in numbers))) {
    const word = unquoted(not ? whole.slice(1) : whole).toLowerCase();
    return word === "" || isBegun(word) ? null : { not, field: null, op: ":", values: [word] };
  }
  const values = valuesOf(rest);
  return values.length === 0 ? null : { not, field, op: compares ? op : ":", values };
}

export function parseFilter(text: string): Filter {
  const terms: Term[] = [];
  for (const [whole, minus, name, op, rest] of text.matchAll(TERM)) {
    const read = term(whole, minus!, name, op, rest!);
    if (read !== null) {
      terms.push(read);
    }
  }
  return { text, terms };
}

export const EVERYTHING: Filter = { text: "", terms: [] };

function quoted(value: string): string {
  return /[\s,"\\]/.test(value) || value === "" ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}

export function writeTerm({ not, field, op, values }: Term): string {
  const text = values.map(quoted).join(",");
  return `${not ? "-" : ""}${field === null ? text : `${field}${op}${text}`}`;
}

export function writeFilter(terms: readonly Term[]): string {
  return terms.map(writeTerm).join(" ");
}

type Test = (row: Row) => boolean;

function tester(value: string, inside: boolean): (text: string | undefined) => boolean {
  const wanted = value.toLowerCase();
  if (wanted === "*") {
    return (text) => text !== undefined && text !== "";
  }
  if (inside) {
    return (text) => text !== undefined && text.toLowerCase().includes(wanted);
  }
  if (wanted.endsWith("*")) {
    const start = wanted.slice(0, -1);
    return (text) => text !== undefined && text.toLowerCase().startsWith(start);
  }
  return (text) => text !== undefined && text.toLowerCase() === wanted;
}

function hasWord(row: Row, word: string): boolean {
  const { record } = row;
  const has = (text: string | undefined) => text !== undefined && text.toLowerCase().includes(word);
  return (
    has(row.key) ||
    has(record.host) ||
    has(record.reason) ||
    has(record.customState) ||
    has(record.drain?.reason) ||
    has(record.drain?.by) ||
    (record.host !== undefined && word.includes(":") && (record.ports ?? []).some((port) => has(`${record.host}:${port}`)))
  );
}

function compares(op: Term["op"], value: string, read: ReadNumber): Test {
  const than = Number(value);
  const tests: Record<Term["op"], (number: number) => boolean> = {
    ":": (number) => number === than,
    ">": (number) => number > than,
    "<": (number) => number < than,
    ">=": (number) => number >= than,
    "<=": (number) => number <= than,
  };
  return ({ record }) => {
    const number = read(record);
    return number !== undefined && tests[op](number);
  };
}

function testOf(field: string | null, op: Term["op"], value: string): Test {
  if (field === null) {
    return (row) => hasWord(row, value);
  }
  const read = equal[field] ?? within[field];
  if (read !== undefined) {
    const test = tester(value, field in within);
    return (row) => test(read(row));
  }
  if (field === "tag") {
    const test = tester(value, false);
    return ({ record }) => (record.tags ?? []).some(test);
  }
  if (field === "port") {
    return ({ record }) => (record.ports ?? []).includes(Number(value));
  }
  if (field in numbers) {
    return value === "*" ? ({ record }) => numbers[field]!(record) !== undefined : compares(op, value, numbers[field]!);
  }
  const name = field.slice(LABEL.length);
  const test = tester(value, false);
  return ({ record }) => test(record.labels?.[name]);
}

function any(tests: readonly Test[]): Test {
  return tests.length === 1 ? tests[0]! : (row) => tests.some((test) => test(row));
}

/** Makes the test of a filter, once for many rows. */
export function testFor(terms: readonly Term[]): Test {
  const tests: Test[] = [];
  const together = new Map<string, Test[]>();
  for (const each of terms) {
    const one = any(each.values.map((value) => testOf(each.field, each.op, value)));
    const several = each.field !== null && each.field !== "tag" && each.op === ":" && !each.not;
    if (several) {
      together.set(each.field!, [...(together.get(each.field!) ?? []), one]);
    } else {
      tests.push(each.not ? (row) => !one(row) : one);
    }
  }
  const all = [...tests, ...[...together.values()].map(any)];
  return all.length === 0 ? () => true : (row) => all.every((test) => test(row));
}

/** The values that a filter asks of a field. */
export function chosen(filter: Filter, field: string): Set<string> {
  return new Set(filter.terms.filter((each) => each.field === field && !each.not && each.op === ":").flatMap((each) => each.values));
}

/** Without what it asks of a field; terms with a minus stay. */
export function without(filter: Filter, field: string): Term[] {
  return filter.terms.filter((each) => each.field !== field || each.not || each.op !== ":");
}

/** The text that asks this value of this field as well, or not any more where it did. */
export function toggled(filter: Filter, field: string, value: string): string {
  const values = chosen(filter, field);
  if (!values.delete(value)) {
    values.add(value);
  }
  const rest = without(filter, field);
  const own: Term[] = values.size === 0 ? [] : [{ not: false, field, op: ":", values: [...values] }];
  return writeFilter([...own, ...rest]);
}

const asked: Record<string, string> = { status: "status", type: "type", region: "region", zone: "zone", group: "group", tag: "tag" };

/** The same filter for GET /api/services, or null where that has no words for it. */
export function toQuery(filter: Filter): string | null {
  const query = new URLSearchParams();
  for (const { not, field, op, values } of filter.terms) {
    const name = field === null ? undefined : field.startsWith(LABEL) ? field : asked[field];
    const value = values[0]!;
    const again = name !== undefined && name !== "tag" && query.has(name);
    if (not || name === undefined || op !== ":" || values.length !== 1 || value.endsWith("*") || again || value === "offline" || value === "unknown") {
      return null;
    }
    query.append(name, value);
  }
  return query.toString();
}
