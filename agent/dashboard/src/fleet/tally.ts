import { STATUSES, type Row, type ShownStatus } from "./row";

/** What some rows come to; counted up and down, never from the beginning. */
export interface Tally {
  rows: number;
  byStatus: Record<ShownStatus, number>;
  /** Of the servers that tell them. */
  players: number;
  seats: number;
  /** How many tell their players: without one, `players` is not known. */
  telling: number;
}

export function newTally(): Tally {
  return { rows: 0, byStatus: Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<ShownStatus, number>, players: 0, seats: 0, telling: 0 };
}

/** `by`: 1 for a row that comes, -1 for one that goes. A server that is gone has no players. */
export function count(tally: Tally, row: Row, by: 1 | -1): void {
  tally.rows += by;
  tally.byStatus[row.status] += by;
  if (row.gone === null) {
    tally.telling += row.record.players === undefined ? 0 : by;
    tally.players += by * (row.record.players ?? 0);
    tally.seats += by * (row.record.capacity ?? 0);
  }
}

/** Null where nobody tells it: not known is not 0. Of no server there are none. */
export function playersOf({ rows, players, telling }: Tally): number | null {
  return rows > 0 && telling === 0 ? null : players;
}

/** The players that these servers tell of now: the record of one that is gone tells of then. */
export function playersOn(rows: readonly (Row | undefined)[]): number {
  return rows.reduce((sum, row) => sum + (row === undefined || row.gone !== null ? 0 : (row.record.players ?? 0)), 0);
}

/** Which version most servers of a type have: another one is the odd one out. */
export class Versions {
  #types = new Map<string, Map<string, number>>();
  #most = new Map<string, string | null>();
  #touched = new Set<string>();
  #edition = 0;
  #readers = new Set<() => void>();

  /** Another number once another version is the one that most have. */
  edition = (): number => this.#edition;

  subscribe = (told: () => void): (() => void) => {
    this.#readers.add(told);
    return () => this.#readers.delete(told);
  };

  count(row: Row, by: 1 | -1): void {
    const { type, version } = row.record;
    if (version === undefined || row.gone !== null) {
      return;
    }
    let versions = this.#types.get(type);
    if (versions === undefined) {
      versions = new Map();
      this.#types.set(type, versions);
    }
    const left = (versions.get(version) ?? 0) + by;
    if (left > 0) {
      versions.set(version, left);
    } else {
      versions.delete(version);
    }
    this.#touched.add(type);
  }

  /** After a number of counts: tells whether it matters. */
  settle(): void {
    let matters = false;
    for (const type of this.#touched) {
      const most = this.#count(type);
      matters ||= most !== this.most(type);
      this.#most.set(type, most);
    }
    this.#touched.clear();
    if (matters) {
      this.#edition++;
      for (const told of [...this.#readers]) {
        told();
      }
    }
  }

  /** Null where no version is that of more than half. */
  most(type: string): string | null {
    return this.#most.get(type) ?? null;
  }

  #count(type: string): string | null {
    const versions = this.#types.get(type) ?? new Map<string, number>();
    let all = 0;
    for (const servers of versions.values()) {
      all += servers;
    }
    for (const [version, servers] of versions) {
      if (servers * 2 > all) {
        return version;
      }
    }
    return null;
  }

  isOdd(row: Row): boolean {
    const most = this.most(row.record.type);
    return most !== null && row.record.version !== undefined && row.record.version !== most;
  }
}
