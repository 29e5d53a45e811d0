import type { HoldChange } from "../wire/holds";
import type { Key, Row } from "./row";
import type { FleetStore } from "./store";

/** Holds that the observer has taken, until the stream shows them: by key. */
export type Asked = ReadonlyMap<Key, HoldChange>;

/** An agent that cannot be reached does not follow: the row does not say "asked" for ever. */
export const FORGET_MS = 60_000;

/** Whether the row shows what was asked for. */
export function isShown(asked: HoldChange, row: Row | undefined): boolean {
  if (row === undefined || row.gone !== null) {
    return true;
  }
  const held = row.record.drain?.holds.includes("ops") === true;
  return held === (asked === "drain");
}

export class AskedHolds {
  readonly #store: FleetStore;
  #asked: Asked = new Map();
  #readers = new Set<() => void>();
  #stops = new Map<Key, () => void>();

  constructor(store: FleetStore) {
    this.#store = store;
  }

  /** Another map after each change. */
  all = (): Asked => this.#asked;

  subscribe = (told: () => void): (() => void) => {
    this.#readers.add(told);
    return () => this.#readers.delete(told);
  };

  /** The observer has taken it. The stream may have been faster than its answer. */
  taken(keys: readonly Key[], change: HoldChange): void {
    const asked = new Map(this.#asked);
    for (const key of keys) {
      this.#stop(key);
      if (isShown(change, this.#store.row(key))) {
        asked.delete(key);
      } else {
        asked.set(key, change);
        this.#watch(key, change);
      }
    }
    this.#tell(asked);
  }

  #watch(key: Key, change: HoldChange): void {
    const timer = setTimeout(() => this.#forget(key), FORGET_MS);
    const stop = this.#store.subscribeRow(key, () => {
      if (isShown(change, this.#store.row(key))) {
        this.#forget(key);
      }
    });
    this.#stops.set(key, () => {
      clearTimeout(timer);
      stop();
    });
  }

  #stop(key: Key): void {
    this.#stops.get(key)?.();
    this.#stops.delete(key);
  }

  #forget(key: Key): void {
    this.#stop(key);
    const asked = new Map(this.#asked);
    asked.delete(key);
    this.#tell(asked);
  }

  #tell(asked: Asked): void {
    this.#asked = asked;
    for (const told of [...this.#readers]) {
      told();
    }
  }
}
