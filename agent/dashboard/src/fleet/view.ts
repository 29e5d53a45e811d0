import { EVERYTHING, testFor, without, type Filter } from "./filter";
import { SortedRows, type Change } from "./list";
import { compareFor, groupOf, TROUBLE_FIRST, type Order } from "./order";
import type { Key, Row } from "./row";
import type { FleetChange, FleetStore } from "./store";
import { Seldom } from "./seldom";
import { count, newTally, Versions, type Tally } from "./tally";

/** What is not shown because the rows are held. */
export interface Waiting {
  readonly moved: number;
  readonly came: number;
  readonly went: number;
}

/** The head of a group in the table. */
export interface GroupLine {
  readonly group: string;
  readonly open: boolean;
}

/** One line of the table. A row may be older than the row of its server: its key counts. */
export type Line = Row | GroupLine;

export function isGroup(line: Line): line is GroupLine {
  return "group" in line;
}

/** What the table shows; another object after each change. */
export interface Shown {
  readonly lines: readonly Line[];
  /** The rows of the filter, those of closed groups too. */
  readonly matched: number;
  /** All rows, whatever the filter, at the moment of `matched`: never less. */
  readonly all: number;
  readonly waiting: Waiting;
}

/** Rows move, and sums change, so often at most. A cell shows its change at once all the same. */
const CALM_MS = 250;

const NONE: Waiting = { moved: 0, came: 0, went: 0 };

/*
 * Which rows the table shows, and in which order: the store, a filter, an order, and what holds the rows.
 *
 * A change of the store costs what has changed. While the rows are held, they stay as they are: what would come, go or move is
 * counted, and is applied when they are let go, by apply(), or with another filter or order, which somebody has asked for.
 */
export class FleetView {
  readonly versions = new Versions();
  readonly #store: FleetStore;
  #filter: Filter;
  #order: Order;
  #rest: (row: Row) => boolean = () => true;
  #status: (row: Row) => boolean = () => true;
  #groupOf: (row: Row) => string = () => "";
  /** Every row of the store as it was counted. */
  #known = new Map<Key, Row>();
  #sorted = new SortedRows([], compareFor(TROUBLE_FIRST));
  /** Of the rows that pass all of the filter but its statuses: what each status pill gets one. */
  #pills = newTally();
  #sums = newTally();
  #groups = new Map<string, Tally>();
  #closed = new Set<string>();
  #held = false;
  #moved = new Set<Key>();
  #came = new Set<Key>();
  #went = new Set<Key>();
  #shown: Shown = { lines: [], matched: 0, all: 0, waiting: NONE };
  #shownReaders = new Set<() => void>();
  #sumReaders = new Set<() => void>();
  #edition = 0;
  #seen: number;
  #shows: Seldom;
  #tells: Seldom;

  constructor(store: FleetStore, filter: Filter = EVERYTHING, order: Order = TROUBLE_FIRST, calmMs = CALM_MS) {
    this.#store = store;
    this.#filter = filter;
    this.#order = order;
    this.#seen = store.edition;
    this.#shows = new Seldom(calmMs, () => this.#show());
    this.#tells = new Seldom(calmMs, () => this.#tellSums());
    this.#again();
  }

  /** Follows the store from now on. Returns how to stop it. */
  follow(): () => void {
    const stop = this.#store.subscribe((change) => this.#changed(change));
    if (this.#seen !== this.#store.edition) {
      this.#again();
    }
    return () => {
      stop();
      this.#shows.cancel();
      this.#tells.cancel();
    };
  }

  shown = (): Shown => this.#shown;

  /** Told when lines or what waits have changed. */
  subscribe = (told: () => void): (() => void) => {
    this.#shownReaders.add(told);
    return () => this.#shownReaders.delete(told);
  };

  /** Grows with every change of a sum. */
  edition = (): number => this.#edition;

  /** Told when a sum has changed. */
  subscribeSums = (told: () => void): (() => void) => {
    this.#sumReaders.add(told);
    return () => this.#sumReaders.delete(told);
  };

  get pills(): Tally {
    return this.#pills;
  }

  /** Of the rows that pass the filter. */
  get sums(): Tally {
    return this.#sums;
  }

  get filter(): Filter {
    return this.#filter;
  }

  group(name: string): Tally | undefined {
    return this.#groups.get(name);
  }

  /** The keys of all rows that pass the filter, in their order. */
  keys(): Key[] {
    return this.#sorted.rows.map((row) => row.key);
  }

  /** How many rows have each value of a field that pass the filter without what it asks of that field. */
  values(field: string, read: (row: Row) => readonly string[]): Map<string, number> {
    const test = testFor(without(this.#filter, field));
    const values = new Map<string, number>();
    for (const row of this.#known.values()) {
      if (test(row)) {
        for (const value of read(row)) {
          values.set(value, (values.get(value) ?? 0) + 1);
        }
      }
    }
    return values;
  }

  show(filter: Filter, order: Order): void {
    const { sort, descending, group } = this.#order;
    if (filter.text === this.#filter.text && order.sort === sort && order.descending === descending && order.group === group) {
      return;
    }
    this.#filter = filter;
    if (group !== order.group) {
      this.#closed.clear();
    }
    this.#order = order;
    this.#again(true);
  }

  /** Opens a group, or closes it. */
  toggle(group: string): void {
    if (!this.#closed.delete(group)) {
      this.#closed.add(group);
    }
    this.apply();
  }

  hold(held: boolean): void {
    if (this.#held !== held) {
      this.#shows.now();
      this.#held = held;
      if (!held && this.#moved.size + this.#came.size + this.#went.size > 0) {
        this.apply();
      }
    }
  }

  /** Shows the rows as they are now, held or not. */
  apply(): void {
    this.#moved.clear();
    this.#came.clear();
    this.#went.clear();
    this.#shows.cancel();
    this.#show();
  }

  /** From the beginning: another filter, another order, or another fleet. `asked`: somebody wants it, held or not. */
  #again(asked = false): void {
    const statuses = this.#filter.terms.filter((term) => term.field === "status");
    this.#status = testFor(statuses);
    this.#rest = testFor(this.#filter.terms.filter((term) => term.field !== "status"));
    this.#groupOf = this.#order.group === "" ? () => "" : groupOf(this.#order.group);
    for (const row of this.#known.values()) {
      this.versions.count(row, -1);
    }
    this.#known.clear();
    this.#pills = newTally();
    this.#sums = newTally();
    this.#groups.clear();
    const rows: Row[] = [];
    for (const row of this.#store.rows()) {
      this.#known.set(row.key, row);
      if (this.#count(row, 1)) {
        rows.push(row);
      }
    }
    this.#sorted = new SortedRows(rows, compareFor(this.#order));
    if (this.#held && !asked) {
      this.#waitForAll(rows);
    } else {
      this.apply();
    }
    this.versions.settle();
    this.#tellSums();
  }

  /** Counts a row wherever it counts; whether it passes the filter. */
  #count(row: Row, by: 1 | -1): boolean {
    this.versions.count(row, by);
    if (!this.#rest(row)) {
      return false;
    }
    count(this.#pills, row, by);
    if (!this.#status(row)) {
      return false;
    }
    count(this.#sums, row, by);
    if (this.#order.group !== "") {
      const name = this.#groupOf(row);
      let tally = this.#groups.get(name);
      if (tally === undefined) {
        tally = newTally();
        this.#groups.set(name, tally);
      }
      count(tally, row, by);
      if (tally.rows === 0) {
        this.#groups.delete(name);
      }
    }
    return true;
  }

  #changed(change: FleetChange): void {
    this.#seen = this.#store.edition;
    if (change.all) {
      this.#again();
      return;
    }
    const size = this.#known.size;
    const changes: Change[] = [];
    const regrouped: Key[] = [];
    for (const key of change.keys) {
      const before = this.#known.get(key);
      const after = this.#store.row(key);
      const was = before !== undefined && this.#count(before, -1);
      const is = after !== undefined && this.#count(after, 1);
      if (after === undefined) {
        this.#known.delete(key);
      } else {
        this.#known.set(key, after);
      }
      if (was || is) {
        changes.push({ before: was ? before : undefined, after: is ? after : undefined });
      }
      if (was && is && this.#groupOf(before) !== this.#groupOf(after)) {
        regrouped.push(key);
      }
    }
    const { came, went, moved } = this.#sorted.change(changes);
    // The last of a group may be the first of the next and stand where it stood.
    moved.push(...regrouped.filter((key) => !moved.includes(key)));
    if (came.length + went.length + moved.length > 0) {
      if (this.#held) {
        this.#wait(came, went, moved);
      } else {
        this.#shows.ask();
      }
    } else if (this.#known.size !== size && !this.#held) {
      this.#shows.ask(); // how many there are, though none of them passes the filter
    }
    if (changes.length > 0) {
      this.#tells.ask();
    }
    this.versions.settle();
  }

  #wait(came: readonly Key[], went: readonly Key[], moved: readonly Key[]): void {
    for (const key of came) {
      if (this.#went.delete(key)) {
        this.#moved.add(key);
      } else {
        this.#came.add(key);
      }
    }
    for (const key of went) {
      this.#moved.delete(key);
      if (!this.#came.delete(key)) {
        this.#went.add(key);
      }
    }
    for (const key of moved) {
      if (!this.#came.has(key)) {
        this.#moved.add(key);
      }
    }
    this.#shown = { ...this.#shown, waiting: { moved: this.#moved.size, came: this.#came.size, went: this.#went.size } };
    this.#tellShown();
  }

  /** The whole fleet came while the rows are held. */
  #waitForAll(rows: readonly Row[]): void {
    const now = new Set(rows.map((row) => row.key));
    const shown = new Set(this.#shown.lines.flatMap((line) => (isGroup(line) ? [] : [line.key])));
    this.#moved.clear();
    this.#came = new Set([...now].filter((key) => !shown.has(key)));
    this.#went = new Set([...shown].filter((key) => !now.has(key)));
    this.#wait([], [], []);
  }

  #show(): void {
    const rows = this.#sorted.rows;
    this.#shown = { lines: this.#order.group === "" ? rows : this.#grouped(rows), matched: rows.length, all: this.#known.size, waiting: NONE };
    this.#tellShown();
  }

  #grouped(rows: readonly Row[]): Line[] {
    const lines: Line[] = [];
    let name: string | null = null;
    let open = true;
    for (const row of rows) {
      const own = this.#groupOf(row);
      if (own !== name) {
        name = own;
        open = !this.#closed.has(own);
        lines.push({ group: own, open });
      }
      if (open) {
        lines.push(row);
      }
    }
    return lines;
  }

  #tellShown(): void {
    for (const told of [...this.#shownReaders]) {
      told();
    }
  }

  #tellSums(): void {
    this.#edition++;
    for (const told of [...this.#sumReaders]) {
      told();
    }
  }
}
