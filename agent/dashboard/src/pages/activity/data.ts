import { useEffect, useRef, useState } from "react";
import { useLive, useLiveness } from "../../fleet/use";
import type { FleetStore } from "../../fleet/store";
import { get } from "../../wire/http";
import type { ActivityPage } from "../../wire/types";
import { append, mark, prepend, type Log } from "./log";

const PAGE = 100;
const NEWS_MS = 400;
/** A fleet in which something happens all the time is asked so often at most. */
const BUSY_MS = 2000;

/** Calls `told` when a status, a reason or a hold of any server has changed. The stream has no event of a transition. */
function watch(store: FleetStore, told: () => void): () => void {
  const marks = new Map<string, string>();
  const read = () => {
    marks.clear();
    for (const row of store.rows()) {
      marks.set(row.key, mark(row));
    }
  };
  read();
  return store.subscribe(({ all, keys }) => {
    let changed = all;
    for (const key of keys) {
      const now = mark(store.row(key));
      if (now !== (marks.get(key) ?? "")) {
        marks.set(key, now);
        changed = true;
      }
    }
    if (all) {
      read();
    }
    if (changed) {
      told();
    }
  });
}

export interface Activity {
  log: Log | null;
  error: unknown;
  busy: boolean;
  /** Older ones. */
  more(): void;
  again(): void;
}

/** The list, kept current; each change of the list is another value. */
export function useActivity(): Activity {
  const { store } = useLive();
  const { phase } = useLiveness();
  const [log, setLog] = useState<Log | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const latest = useRef<Log | null>(null);
  const keep = (next: Log) => {
    latest.current = next;
    setLog(next);
    setError(null);
  };
  const news = useRef<() => void>(() => {});

  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    let askedAt = 0;
    const ask = async () => {
      timer = undefined;
      askedAt = Date.now();
      try {
        const page = await get<ActivityPage>(`/api/activity?limit=${PAGE}`, abort.signal);
        keep((latest.current && prepend(latest.current, page)) ?? { entries: page.transitions, next: page.next });
      } catch (failure) {
        if (!abort.signal.aborted) {
          setError(failure);
        }
      }
    };
    news.current = () => {
      timer ??= window.setTimeout(() => void ask(), Math.max(NEWS_MS, askedAt + BUSY_MS - Date.now()));
    };
    const end = watch(store, () => news.current());
    void ask();
    return () => {
      end();
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [store]);

  useEffect(() => {
    if (phase === "streaming" && latest.current !== null) {
      news.current(); // what happened while the stream was away
    }
  }, [phase]);

  const more = async () => {
    const from = latest.current;
    if (from === null || from.next === null || busy) {
      return;
    }
    setBusy(true);
    try {
      const page = await get<ActivityPage>(`/api/activity?limit=${PAGE * 2}&before=${from.next}`);
      keep(append(latest.current ?? from, page, from.next));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return { log, error, busy, more: () => void more(), again: () => news.current() };
}
