import { serverNow } from "../wire/clock";
import type { Gone, ServerRecord } from "../wire/types";
import { isUrgent, keyOf, shownStatus, STATUSES, type Key, type Row, type ShownStatus } from "./row";

/*
 * The fleet as the page shows it. Changes come one by one and are shown in two speeds: what a GM must see at once on the next
 * frame, players and words every 250 ms. A flush makes a new row for each changed server, tells the readers of these rows, and
 * then the readers of the whole with the keys. Nothing else is told, so that a thousand changes a second cost what is visible.
 */
export const CALM_MS = 250;

export interface Totals {
  servers: number;
  byStatus: Record<ShownStatus, number>;
  /** Of the servers that tell them. */
  players: number;
  seats: number;
}

/** The keys of the rows that a flush changed; `all`: it may be any of them. */
export interface FleetChange {
  all: boolean;
  keys: ReadonlySet<Key>;
}

type Told = (change: FleetChange) => void;

/** When a flush happens; the tests have their own. */
export interface Pace {
  nextFrame(run: () => void): void;
  calm(run: () => void): void;
}

export const browserPace: Pace = {
  nextFrame: (run) => {
    // A hidden tab has no frames.
    if (document.hidden) {
      window.setTimeout(run, CALM_MS);
    } else {
      window.requestAnimationFrame(run);
    }
  },
  calm: (run) => {
    window.setTimeout(run, CALM_MS);
  },
};

interface Pending {
  record: ServerRecord | null;
  gone: Gone | null;
}

export class FleetStore {
  #rows = new Map<Key, Row>();
  #urgent = new Map<Key, Pending>();
  #calm = new Map<Key, Pending>();
  #rowReaders = new Map<Key, Set<() => void>>();
  #readers = new Set<Told>();
  #totals: Totals | null = null;
  #edition = 0;
  #frameAsked = false;
  #calmAsked = false;
  readonly #pace: Pace;

  constructor(pace: Pace = browserPace) {
    this.#pace = pace;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Another number after each flush. */
  get edition(): number {
    return this.#edition;
  }

  row(key: Key): Row | undefined {
    return this.#rows.get(key);
  }

  /** Whether something is shown of it, or will be with the next flush. */
  knows(key: Key): boolean {
    const next = this.#urgent.get(key);
    return next === undefined ? this.#rows.has(key) : next.record !== null || next.gone !== null;
  }

  /** Takes out what is gone since before that moment, of the observer's clock. */
  forgetGone(before: number): void {
    for (const row of this.#rows.values()) {
      if (row.gone !== null && row.changedAt !== null && row.changedAt <= before && !this.#urgent.has(row.key)) {
        this.remove(row.key);
      }
    }
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Calls `told` after each flush that changed this row. Returns how to stop it. */
  subscribeRow(key: Key, told: () => void): () => void {
    let readers = this.#rowReaders.get(key);
    if (readers === undefined) {
      readers = new Set();
      this.#rowReaders.set(key, readers);
    }
    readers.add(told);
    return () => {
      readers.delete(told);
      if (readers.size === 0 && this.#rowReaders.get(key) === readers) {
        this.#rowReaders.delete(key);
      }
    };
  }

  subscribe(told: Told): () => void {
    this.#readers.add(told);
    return () => this.#readers.delete(told);
  }

  /** Counted once for each flush, however many read them. */
  totals(): Totals {
    this.#totals ??= countTotals(this.#rows.values());
    return this.#totals;
  }

  /** The whole fleet: a server that is not among `records` or `gone` is not there. */
  replace(records: readonly ServerRecord[], gone: readonly Gone[]): void {
    const before = this.#rows;
    this.#rows = new Map();
    this.#urgent.clear();
    this.#calm.clear();
    for (const each of gone) {
      const row = goneRow(each);
      if (row !== null) {
        this.#rows.set(row.key, row);
      }
    }
    for (const record of records) {
      const row = liveRow(record, before.get(keyOf(record)));
      this.#rows.set(row.key, row);
    }
    this.#tell({ all: true, keys: new Set() });
  }

  update(record: ServerRecord): void {
    const key = keyOf(record);
    const shown = this.#calm.get(key)?.record ?? this.#rows.get(key)?.record;
    const wasGone = this.#rows.get(key)?.gone != null;
    this.#put(key, { record, gone: null }, shown === undefined || wasGone || isUrgent(shown, record));
  }

  remove(key: Key): void {
    this.#put(key, { record: null, gone: null }, true);
  }

  offline(gone: Gone): void {
    this.#put(keyOf(gone), { record: null, gone }, true);
  }

  #put(key: Key, pending: Pending, urgent: boolean): void {
    if (urgent || this.#urgent.has(key)) {
      this.#calm.delete(key);
      this.#urgent.set(key, pending);
      if (!this.#frameAsked) {
        this.#frameAsked = true;
        this.#pace.nextFrame(() => {
          this.#frameAsked = false;
          this.#flush(this.#urgent);
        });
      }
    } else {
      this.#calm.set(key, pending);
      if (!this.#calmAsked) {
        this.#calmAsked = true;
        this.#pace.calm(() => {
          this.#calmAsked = false;
          this.#flush(this.#calm);
        });
      }
    }
  }

  #flush(from: Map<Key, Pending>): void {
    if (from.size === 0) {
      return;
    }
    const keys = new Set(from.keys());
    for (const [key, pending] of from) {
      const before = this.#rows.get(key);
      const row = pending.record !== null ? liveRow(pending.record, before) : pending.gone !== null ? goneRow(pending.gone) : null;
      if (row === null) {
        this.#rows.delete(key);
      } else {
        this.#rows.set(key, row);
      }
    }
    from.clear();
    this.#tell({ all: false, keys });
  }

  #tell(change: FleetChange): void {
    this.#totals = null;
    this.#edition++;
    if (change.all) {
      for (const readers of [...this.#rowReaders.values()]) {
        for (const told of [...readers]) {
          told();
        }
      }
    } else if (change.keys.size < this.#rowReaders.size) {
      for (const key of change.keys) {
        this.#tellRow(key);
      }
    } else {
      for (const key of [...this.#rowReaders.keys()]) {
        if (change.keys.has(key)) {
          this.#tellRow(key);
        }
      }
    }
    for (const told of [...this.#readers]) {
      told(change);
    }
  }

  #tellRow(key: Key): void {
    for (const told of [...(this.#rowReaders.get(key) ?? [])]) {
      told();
    }
  }
}

function liveRow(record: ServerRecord, before: Row | undefined): Row {
  const status = shownStatus(record.status);
  const updatedAt = record.updatedAt === undefined ? null : Date.parse(record.updatedAt);
  const changedAt =
    before === undefined ? updatedAt : before.status === status ? before.changedAt : (updatedAt ?? serverNow());
  const seenChanging = before !== undefined && (before.seenChanging === true || before.status !== status);
  return { key: keyOf(record), record, status, gone: null, changedAt, seenChanging };
}

/** Null for a server that left by itself: it is not missed. */
function goneRow(gone: Gone): Row | null {
  if (gone.why === "left") {
    return null;
  }
  const record = gone.record ?? { type: gone.type, id: gone.id, status: gone.status };
  return { key: keyOf(gone), record, status: "offline", gone, changedAt: Date.parse(gone.goneAt), seenChanging: true };
}

function countTotals(rows: Iterable<Row>): Totals {
  const byStatus = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<ShownStatus, number>;
  const totals: Totals = { servers: 0, byStatus, players: 0, seats: 0 };
  for (const row of rows) {
    byStatus[row.status]++;
    if (row.gone === null) {
      totals.servers++;
      totals.players += row.record.players ?? 0;
      totals.seats += row.record.capacity ?? 0;
    }
  }
  return totals;
}
