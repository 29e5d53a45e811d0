import { useSyncExternalStore } from "react";
import { heardNow } from "../wire/clock";
import { takeEarly } from "../wire/early";
import { ApiError, change, get } from "../wire/http";
import type { Me } from "../wire/types";
import { personIs } from "./person";

// Who uses the page. Without the queries of the pages, as these are not in the first load.
const RETRY_MS = 3000;
const REFRESH_MS = 5 * 60_000;
const STALE_MS = 60_000;

export interface Known {
  readonly me: Me | undefined;
  /** Of the last answer; `me` stays as it was before it. */
  readonly error: ApiError | null;
}

/** `goOn`: what is shown is to be read again. */
type Forget = (goOn: boolean) => void;

let known: Known = { me: undefined, error: null };
let turn = 0;
let timer: number | undefined;
let heardAt = 0;
let forgetRead: Forget = () => {};
const readers = new Set<() => void>();

function set(next: Known): void {
  known = next;
  heardAt = performance.now();
  window.clearTimeout(timer);
  timer = window.setTimeout(() => document.hidden || void ask(), next.error === null ? REFRESH_MS : RETRY_MS);
  for (const told of [...readers]) {
    told();
  }
}

/** An answer counts unless it is asked again, or somebody signs in or out, before it comes. */
async function ask(): Promise<void> {
  const mine = ++turn;
  try {
    const me = await takeEarly("/api/me", () => get<Me>("/api/me"));
    if (mine === turn) {
      heardNow(me.now);
      if (personIs(me.name)) {
        // Another tab has signed somebody else in: what was read for the one before is not theirs to see.
        forgetRead(true);
      }
      set({ me, error: null });
    }
  } catch (error) {
    if (mine === turn) {
      set({ me: known.me, error: error instanceof ApiError ? error : new ApiError(0, "unreachable", String(error)) });
    }
  }
}

/** Asks who uses the page, from now on again and again; null where there is no answer. */
export async function firstMe(): Promise<Me | null> {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && (known.error !== null || performance.now() - heardAt > STALE_MS)) {
      void ask();
    }
  });
  await ask();
  return known.me ?? null;
}

function subscribe(told: () => void): () => void {
  readers.add(told);
  return () => readers.delete(told);
}

export function knownNow(): Known {
  return known;
}

export function useKnown(): Known {
  return useSyncExternalStore(subscribe, knownNow);
}

/** Who uses the page, and what it may do. */
export function useMe(): Me | undefined {
  return useKnown().me;
}

/** Asks again at once. */
export function forgetMe(): void {
  void ask();
}

/** `forget` is called when somebody else uses the page from now on, or nobody. */
export function whenOthers(forget: Forget): void {
  forgetRead = forget;
}

/** The browser has not kept the session that the observer began. */
export class NoCookie extends Error {}

export interface Session {
  signIn(token: string): Promise<Me>;
  signOut(): Promise<void>;
}

let leaving = false;

/** Whether the last one to sign out did so on purpose. */
export function leftOnPurpose(): boolean {
  return leaving;
}

function begin(me: Me): void {
  turn++;
  forgetRead(false);
  set({ me, error: null });
}

/** Signs in and out; what was read for the one before is forgotten. */
export const session: Session = {
  signIn: async (token) => {
    await change<Me>("/api/session", { body: { token } });
    const me = await get<Me>("/api/me");
    if (me.name === null) {
      throw new NoCookie();
    }
    leaving = false;
    personIs(me.name);
    begin(me);
    return me;
  },
  signOut: async () => {
    const me = await change<Me>("/api/session", { method: "DELETE" });
    leaving = true;
    personIs(null, true);
    begin(me);
  },
};
