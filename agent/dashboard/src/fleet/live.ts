import { heardNow, serverNow } from "../wire/clock";
import { breath, Connection, type Phase } from "../wire/connection";
import { get, type ApiError } from "../wire/http";
import type { StreamEvent } from "../wire/sse";
import type { Gone, OfflineList, ServerRecord, ServiceList } from "../wire/types";
import { FleetStore } from "./store";

/** What the page knows of the way its data comes. A value never changes: a change makes another one. */
export interface Liveness {
  readonly phase: Phase;
  readonly error: ApiError | null;
  /** A list was read: the rows mean something. */
  readonly known: boolean;
  /** The observer has lost touch with the registry, since when (its clock), and why. */
  readonly stale: { since: number; reason: string | null } | null;
  /** The page has lost touch with the observer, since when (its clock). */
  readonly lostSince: number | null;
  /** The observer has told that it stops. */
  readonly bye: string | null;
}

export type FeedListener = (event: StreamEvent) => void;

/** The fleet, kept current. One for the page. */
export class Live {
  readonly store = new FleetStore();
  #liveness: Liveness = { phase: "idle", error: null, known: false, stale: null, lostSince: null, bye: null };
  #readers = new Set<() => void>();
  #feeds = new Set<FeedListener>();
  /** Another number for each fleet that was read as a whole, or forgotten. */
  #fleet = 0;
  /** The stream goes on where another one ended: who went meanwhile is told as removed alone. */
  #resumed = false;
  #prune: number | undefined;
  /** The fleet of a stream that begins again, until it is whole. */
  #begun: ServerRecord[] | null = null;
  readonly #connection: Connection;

  constructor() {
    this.#connection = new Connection({
      phase: (phase, error) => this.#phase(phase, error),
      list: (list) => this.#list(list),
      event: (event) => this.#event(event),
    });
    document.addEventListener("visibilitychange", () => this.#connection.hidden(document.hidden));
  }

  start(): void {
    this.#connection.start();
  }

  /** Forgets the fleet, as when somebody signs out. */
  close(): void {
    this.#connection.close();
    this.#fleet++;
    window.clearInterval(this.#prune);
    this.#prune = undefined;
    this.store.replace([], []);
    this.#change({ known: false, stale: null, lostSince: null });
  }

  /** Bytes of the streams so far, unpacked. */
  get received(): number {
    return this.#connection.received;
  }

  liveness = (): Liveness => this.#liveness;

  subscribe = (told: () => void): (() => void) => {
    this.#readers.add(told);
    return () => this.#readers.delete(told);
  };

  /** Resolves once the fleet is known, or cannot be read for now. */
  read(): Promise<void> {
    return new Promise((done) => {
      const stop = this.subscribe(() => {
        const { known, phase } = this.#liveness;
        if (known || phase === "waiting" || phase === "refused") {
          stop();
          done();
        }
      });
    });
  }

  /** Events of the stream besides the fleet's own: drain, leader, notice, offline. */
  feed(listener: FeedListener): () => void {
    this.#feeds.add(listener);
    return () => this.#feeds.delete(listener);
  }

  #change(part: Partial<Liveness>): void {
    this.#liveness = { ...this.#liveness, ...part };
    for (const told of [...this.#readers]) {
      told();
    }
  }

  #phase(phase: Phase, error: ApiError | null): void {
    const { lostSince, bye, error: before, phase: last } = this.#liveness;
    const well = phase === "streaming" || phase === "asleep" || phase === "idle";
    if (phase !== "streaming") {
      this.#begun = null; // the next stream tells all of it again
    }
    if (phase === "opening") {
      this.#resumed = last !== "listing";
    }
    // What was there before a sleep is old until the stream says otherwise, and so is what a refusal leaves.
    const old = phase === "waiting" || phase === "refused" || (last === "asleep" && !well);
    this.#change({
      phase,
      error: well ? null : (error ?? before),
      lostSince: well ? null : old ? (lostSince ?? this.#connection.heardAt ?? serverNow()) : lostSince,
      bye: phase === "streaming" ? null : bye,
    });
  }

  #list(list: ServiceList): void {
    heardNow(list.now);
    this.store.replace(list.services, []);
    this.#change({ known: true, stale: list.stale ? { since: serverNow() - list.ageMs, reason: null } : null });
    void this.#readOffline();
  }

  /** Those that went before the fleet was read as a whole. Where the agent keeps no history there are none. */
  async #readOffline(): Promise<void> {
    const fleet = ++this.#fleet;
    await breath();
    if (fleet !== this.#fleet) {
      return;
    }
    this.#prune ??= window.setInterval(() => this.store.forgetGone(serverNow() - OFFLINE_SHOWN_MS), PRUNE_MS);
    const offline = await get<OfflineList>("/api/offline?limit=1000").catch(() => null);
    if (fleet !== this.#fleet) {
      return; // another fleet by now, or nobody's
    }
    for (const gone of offline?.servers ?? []) {
      if (!this.store.knows(`${gone.type}/${gone.id}`) && serverNow() - Date.parse(gone.goneAt) < OFFLINE_SHOWN_MS) {
        this.store.offline(gone);
      }
    }
  }

  #event(event: StreamEvent): void {
    switch (event.event) {
      case "init":
        this.#begun ??= [];
        this.#begun.push(JSON.parse(event.data) as ServerRecord);
        break;
      case "synced":
        this.store.replace(this.#begun ?? [], []);
        this.#begun = null;
        this.#resumed = false;
        void this.#readOffline();
        break;
      case "update":
        this.store.update(JSON.parse(event.data) as ServerRecord);
        break;
      case "remove": {
        const { type, id } = JSON.parse(event.data) as { type: string; id: string };
        this.store.remove(`${type}/${id}`);
        break;
      }
      case "state":
        this.#state(JSON.parse(event.data) as { stale: boolean; ageMs: number; reason: string | null; now: string });
        break;
      default:
        this.#other(event);
    }
  }

  #state(state: { stale: boolean; ageMs: number; reason: string | null; now: string }): void {
    heardNow(state.now);
    this.#change({ stale: state.stale ? { since: serverNow() - state.ageMs, reason: state.reason } : null });
    if (this.#resumed) {
      this.#resumed = false;
      void this.#readOffline();
    }
  }

  #other(event: StreamEvent): void {
    if (event.event === "offline") {
      this.store.offline(JSON.parse(event.data) as Gone);
    } else if (event.event === "notice") {
      if ((JSON.parse(event.data) as { code: string }).code === "many_offline") {
        void this.#readOffline(); // so many went at once that the stream does not name them
      }
    } else if (event.event === "bye") {
      this.#change({ bye: (JSON.parse(event.data) as { reason: string }).reason });
    }
    for (const feed of [...this.#feeds]) {
      feed(event);
    }
  }
}

/** So long a server that went without a word stays in the table. */
export const OFFLINE_SHOWN_MS = 10 * 60_000;
const PRUNE_MS = 15_000;
