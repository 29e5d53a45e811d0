import { heardNow, serverNow } from "./clock";
import { takeEarly } from "./early";
import { ApiError, get, send } from "./http";
import { SseParser, type StreamEvent } from "./sse";
import type { ServiceList } from "./types";

/*
 * The page's connection to the observer.
 *
 *          start              list               answer
 *   idle ────────► listing ────────► opening ────────────► streaming
 *                     │                 ▲ │                    │
 *                     ├──── fails ──────┼─┴────────────────────┤ ends, is silent
 *                     ▼                 │                      ▼
 *                  refused           waiting ◄─────────────────┘   after a delay: opening from the cursor,
 *                  (401, 403)                                      or listing where there is none
 *
 *   asleep: the tab is hidden for 30 s; shown again it goes on as after a delay. refused ends with start(), or after a minute: a proxy
 *   in front may have refused, and a right may come back. Listing and opening end as a stream does that is silent.
 */
export type Phase = "idle" | "listing" | "opening" | "streaming" | "waiting" | "asleep" | "refused";

export interface ConnectionEvents {
  phase(phase: Phase, error: ApiError | null): void;
  /** The whole fleet: what is not in it is gone. */
  list(list: ServiceList): void;
  event(event: StreamEvent): void;
}

const runs = new Set<Phase>(["listing", "opening", "streaming"]);
const SILENCE_MS = 40_000; // a comment comes every 15 s
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15_000;
const HIDDEN_MS = 30_000;
const REFUSED_MS = 60_000;
const BREATH_MS = 10;

/** What is shown of a list comes before what is asked for next: a request takes its time as well. */
export function breath(): Promise<void> {
  return new Promise((done) => setTimeout(done, BREATH_MS));
}

export class Connection {
  #phase: Phase = "idle";
  #cursor: string | null = null;
  #abort = new AbortController();
  #timer: number | undefined;
  #silence: number | undefined;
  #hiding: number | undefined;
  #failures = 0;
  /** The last sign of life, by a clock that nobody sets. */
  #lifeAt = 0;
  /** The last sign of life, by the observer's clock; null before the first. */
  heardAt: number | null = null;
  /** Bytes of the streams so far, unpacked. */
  received = 0;
  readonly #events: ConnectionEvents;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  /** Begins, or begins again after somebody has signed in. */
  start(): void {
    if (this.#phase === "idle" || this.#phase === "refused" || this.#phase === "waiting") {
      this.#failures = 0;
      this.#go();
    }
  }

  /** Tells whether the tab is hidden. */
  hidden(hidden: boolean): void {
    if (hidden && this.#phase !== "refused" && this.#phase !== "idle") {
      window.clearTimeout(this.#hiding);
      this.#hiding = window.setTimeout(() => this.#sleep(), HIDDEN_MS);
    } else if (!hidden) {
      window.clearTimeout(this.#hiding);
      if (this.#phase === "asleep" || this.#phase === "waiting") {
        this.#go();
      }
    }
  }

  #sleep(): void {
    // Somebody may have signed out meanwhile.
    if (this.#phase !== "refused" && this.#phase !== "idle") {
      this.#stop("asleep", null);
    }
  }

  /** Ends it for good, as when somebody signs out. */
  close(): void {
    this.#cursor = null;
    this.#stop("idle", null);
  }

  #set(phase: Phase, error: ApiError | null): void {
    this.#phase = phase;
    this.#events.phase(phase, error);
  }

  #stop(phase: Phase, error: ApiError | null): void {
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#silence);
    this.#abort.abort();
    this.#set(phase, error);
  }

  #go(): void {
    this.#stop(this.#cursor === null ? "listing" : "opening", null);
    this.#abort = new AbortController();
    const signal = this.#abort.signal;
    this.#listen(signal);
    this.#run(signal).then(
      () => this.#ended(signal, null),
      (error: unknown) => this.#ended(signal, error instanceof ApiError ? error : null),
    );
  }

  #ended(signal: AbortSignal, error: ApiError | null): void {
    if (this.#abort.signal !== signal || !runs.has(this.#phase)) {
      return; // stopped on purpose, or another run took its place
    }
    if (error !== null && (error.status === 401 || error.status === 403)) {
      this.#cursor = null;
      this.#stop("refused", error);
      this.#timer = window.setTimeout(() => this.#go(), REFUSED_MS);
      return;
    }
    if (error !== null && error.status === 400) {
      this.#cursor = null; // no cursor of this observer
    }
    const delay = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#failures++;
    this.#stop("waiting", error);
    this.#timer = window.setTimeout(() => this.#go(), delay);
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (this.#cursor === null) {
      const list = await takeEarly("/api/services", () => get<ServiceList>("/api/services", signal));
      this.#cursor = list.cursor;
      this.heardAt = serverNow();
      this.#events.list(list);
      await breath();
      if (signal.aborted) {
        return;
      }
      this.#set("opening", null);
      this.#listen(signal);
    }
    const path = `/api/subscribe?include=state&include=leader&after=${encodeURIComponent(this.#cursor)}`;
    const answer = await send(path, { signal, headers: { Accept: "text/event-stream" } });
    this.#set("streaming", null);
    const parser = new SseParser({
      event: (event) => this.#heard(event),
      comment: (text) => heardNow(/^now=(.*)$/.exec(text)?.[1]),
    });
    const decoder = new TextDecoder();
    const reader = answer.body!.getReader();
    this.#listen(signal);
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) {
        return;
      }
      this.#failures = 0;
      this.heardAt = serverNow();
      this.received += value.byteLength;
      this.#lifeAt = performance.now();
      parser.push(decoder.decode(value, { stream: true }));
    }
  }

  #heard(event: StreamEvent): void {
    if (event.id !== null) {
      this.#cursor = event.id;
    }
    this.#events.event(event);
  }

  /** The next sign of life must come in time. */
  #listen(signal: AbortSignal): void {
    window.clearTimeout(this.#silence);
    this.#lifeAt = performance.now();
    this.#wait(signal, SILENCE_MS);
  }

  /** A stream lives many times a second: its timer is not set again each time, but looks how long ago that was. */
  #wait(signal: AbortSignal, ms: number): void {
    this.#silence = window.setTimeout(() => {
      const left = this.#lifeAt + SILENCE_MS - performance.now();
      if (this.#abort.signal !== signal) {
        return;
      }
      if (left > 0) {
        this.#wait(signal, left);
      } else {
        this.#abort.abort();
        this.#ended(signal, new ApiError(0, "silent", "no word from the observer"));
      }
    }, ms);
  }
}
