import type { Compare } from "./order";
import type { Key, Row } from "./row";

/** A row that comes, goes or changes. Undefined: it was not, or is no more, among the rows. */
export interface Change {
  before: Row | undefined;
  after: Row | undefined;
}

/** What a number of changes did to the order; a row that changed where it stands is in none of them. */
export interface Moves {
  came: Key[];
  went: Key[];
  moved: Key[];
}

/** From here on one pass over all rows costs less than a search for each. */
const FEW = 24;

/*
 * Rows in order, kept so at the price of what changes. A row in the list may be older than the row of its server: it is compared as
 * equal to it, which is all that the order needs. `rows` is another array after each change of the order.
 */
export class SortedRows {
  #compare: Compare;
  #rows: readonly Row[];

  constructor(rows: Iterable<Row>, compare: Compare) {
    this.#compare = compare;
    this.#rows = [...rows].sort(compare);
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  change(changes: readonly Change[]): Moves {
    const moves: Moves = { came: [], went: [], moved: [] };
    const out: Row[] = [];
    const into: Row[] = [];
    for (const { before, after } of changes) {
      if (before !== undefined && after !== undefined && this.#compare(before, after) === 0) {
        continue;
      }
      if (before !== undefined) {
        out.push(before);
      }
      if (after !== undefined) {
        into.push(after);
      }
      if (before === undefined) {
        if (after !== undefined) {
          moves.came.push(after.key);
        }
      } else {
        (after === undefined ? moves.went : moves.moved).push(before.key);
      }
    }
    if (out.length + into.length > 0) {
      this.#rows = out.length + into.length <= FEW ? this.#few(out, into, moves) : this.#many(out, into);
    }
    return moves;
  }

  /** Where the row stands, or where it would: all before it are less. */
  #place(rows: readonly Row[], row: Row): number {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(rows[middle]!, row) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  #few(out: readonly Row[], into: readonly Row[], moves: Moves): Row[] {
    const rows = this.#rows.slice();
    const from = new Map<Key, number>();
    for (const row of out) {
      const place = this.#place(rows, row);
      from.set(row.key, place);
      rows.splice(place, 1);
    }
    for (const row of into) {
      const place = this.#place(rows, row);
      rows.splice(place, 0, row);
      // Alone it may still stand between the same two.
      if (into.length === 1 && out.length === 1 && from.get(row.key) === place) {
        moves.moved = [];
      }
    }
    return rows;
  }

  #many(out: readonly Row[], into: Row[]): Row[] {
    const gone = new Set(out.map((row) => row.key));
    into.sort(this.#compare);
    const rows: Row[] = [];
    let next = 0;
    for (const row of this.#rows) {
      if (gone.has(row.key)) {
        continue;
      }
      while (next < into.length && this.#compare(into[next]!, row) < 0) {
        rows.push(into[next++]!);
      }
      rows.push(row);
    }
    while (next < into.length) {
      rows.push(into[next++]!);
    }
    return rows;
  }
}
