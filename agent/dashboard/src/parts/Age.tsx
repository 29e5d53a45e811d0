import { useSyncExternalStore } from "react";
import { serverNow } from "../wire/clock";
import { duration, moment } from "../words/time";
import { useSpoken } from "../words/use";

// One timer for all ages of the page.
const readers = new Set<() => void>();
let timer: number | undefined;
let second = 0;

/** Calls `told` each second. Returns how to stop it. */
export function eachSecond(told: () => void): () => void {
  readers.add(told);
  timer ??= window.setInterval(() => {
    second++;
    for (const each of [...readers]) {
      each();
    }
  }, 1000);
  return () => {
    readers.delete(told);
    if (readers.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Renders again each second. */
export function useSecond(): number {
  return useSyncExternalStore(eachSecond, () => second);
}

/** How long ago `at` was, by the observer's clock; or how long it is until then. */
export function Age({ at, bare = false }: { at: number | null; bare?: boolean }) {
  useSecond();
  const { words, language } = useSpoken();
  if (at === null || Number.isNaN(at)) {
    return <span className="dim">{words.common.none}</span>;
  }
  const ms = serverNow() - at;
  const text = duration(Math.abs(ms), words);
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at, language)} className="num">
      {bare ? text : ms >= 0 ? words.ago(text) : words.inTime(text)}
    </time>
  );
}
