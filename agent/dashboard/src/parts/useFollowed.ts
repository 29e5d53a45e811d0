import { useEffect, useRef, useState } from "react";
import { ApiError, send } from "../wire/http";
import { SseParser } from "../wire/sse";

const TOLD_MS = 2000;
const AGAIN_MS = 3000;
/** A comment comes every 15 s: without a word for so long, nobody is there any more. */
const SILENCE_MS = 40_000;
/** Where the observer has no place for one more, or is away. */
const REFUSED_MS = 30_000;

/** Follows the stream until it ends or is silent. In how many milliseconds to try again; null: this observer has none. */
export async function follow(path: string, stopped: AbortSignal, told: () => void, opened: () => void): Promise<number | null> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  let silence: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(stop, SILENCE_MS);
  };
  stopped.addEventListener("abort", stop);
  listen();
  try {
    return await read(path, abort.signal, told, opened, listen);
  } finally {
    clearTimeout(silence);
    stopped.removeEventListener("abort", stop);
  }
}

async function read(path: string, signal: AbortSignal, told: () => void, opened: () => void, listen: () => void): Promise<number | null> {
  let answer: Response;
  try {
    answer = await send(path, { signal, headers: { Accept: "text/event-stream" } });
  } catch (error) {
    const none = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
    return none ? null : REFUSED_MS;
  }
  opened();
  const parser = new SseParser({ event: told, comment: () => {} });
  const decoder = new TextDecoder();
  const reader = answer.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) {
      return AGAIN_MS;
    }
    listen();
    parser.push(decoder.decode(value, { stream: true }));
  }
}

/** Calls `told` when the stream at `path` has had events, at most every 2 s, and when it has begun again. True while it is followed; null: nothing is. */
export function useFollowed(path: string | null, told: () => void): boolean {
  const [followed, setFollowed] = useState(false);
  const latest = useRef(told);
  latest.current = told;
  useEffect(() => {
    if (path === null) {
      return undefined;
    }
    const abort = new AbortController();
    let waiting: number | undefined;
    let again: number | undefined;
    let begun = false;
    const tell = () => {
      waiting ??= window.setTimeout(() => {
        waiting = undefined;
        latest.current();
      }, TOLD_MS);
    };
    const opened = () => {
      setFollowed(true);
      if (begun) {
        tell(); // what happened meanwhile
      }
      begun = true;
    };
    const run = async () => {
      const next = await follow(path, abort.signal, tell, opened).catch(() => AGAIN_MS);
      if (!abort.signal.aborted) {
        setFollowed(false);
        again = next === null ? undefined : window.setTimeout(() => void run(), next);
      }
    };
    void run();
    return () => {
      abort.abort();
      window.clearTimeout(waiting);
      window.clearTimeout(again);
      setFollowed(false);
    };
  }, [path]);
  return followed;
}
