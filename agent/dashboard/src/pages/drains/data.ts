import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { announce } from "../../app/Announcer";
import { useLive, useLiveness } from "../../fleet/use";
import type { DrainList, DrainState, ManyDrain } from "../../wire/drains";
import { get, segment } from "../../wire/http";
import { useWords } from "./words";

const listKey = ["drains"] as const;
const oneKey = (id: string) => ["drain", id] as const;
const READ_AGAIN_MS = 400;

/** An event of the stream has the drain without its servers. */
function take(client: QueryClient, heard: ManyDrain): void {
  client.setQueryData<DrainList>(listKey, (list) => {
    if (list === undefined) {
      return undefined;
    }
    const at = list.drains.findIndex((each) => each.id === heard.id);
    const drains = at < 0 ? [heard, ...list.drains] : list.drains.map((each, index) => (index === at ? heard : each));
    return { ...list, drains };
  });
  client.setQueryData<ManyDrain>(oneKey(heard.id), (drain) => drain && { ...heard, servers: drain.servers });
}

/** The state of a drain that the page has, before an event changes it. */
function stateOf(client: QueryClient, id: string): DrainState | undefined {
  return client.getQueryData<ManyDrain>(oneKey(id))?.state ?? client.getQueryData<DrainList>(listKey)?.drains.find((each) => each.id === id)?.state;
}

/** Keeps what was read of drains current by the stream; each page of drains calls it. Whoever changes a state, it is said. */
export function useDrainFeed(id: string | null): void {
  const live = useLive();
  const client = useQueryClient();
  const { phase, stale } = useLiveness();
  const { drains } = useWords();
  const words = useRef(drains);
  words.current = drains;
  useEffect(() => {
    let timer: number | undefined;
    const end = live.feed(({ event, data }) => {
      if (event !== "drain") {
        return;
      }
      const heard = JSON.parse(data) as ManyDrain;
      const before = stateOf(client, heard.id);
      if (before !== undefined && before !== heard.state && (id === null || heard.id === id)) {
        announce(`${heard.reason || words.current.one}: ${words.current.states[heard.state]}`);
      }
      take(client, heard);
      // An answer that is under way may be older than the event and would take its place.
      if (client.isFetching({ queryKey: listKey }) > 0) {
        void client.invalidateQueries({ queryKey: listKey });
      }
      // The states of its servers are not in the event; many changes in a moment are one question.
      if (heard.id === id) {
        timer ??= window.setTimeout(() => {
          timer = undefined;
          void client.invalidateQueries({ queryKey: oneKey(heard.id) });
        }, READ_AGAIN_MS);
      }
    });
    return () => {
      end();
      window.clearTimeout(timer);
    };
  }, [live, client, id]);
  useEffect(() => {
    // These events have no id: what happened while the stream was away is not told again. The list says whether it is stale, too.
    if (phase === "streaming") {
      void client.invalidateQueries({ queryKey: listKey });
      void client.invalidateQueries({ queryKey: ["drain"] });
    }
  }, [client, phase, stale === null]);
}

export function useDrains() {
  return useQuery({ queryKey: listKey, queryFn: ({ signal }) => get<DrainList>("/api/drains", signal) });
}

export function useDrain(id: string) {
  return useQuery({
    queryKey: oneKey(id),
    queryFn: ({ signal }) => get<ManyDrain>(`/api/drains/${segment(id)}`, signal),
    // Why it waits is not an event.
    refetchInterval: (query) => (query.state.data?.state === "running" ? 5000 : false),
  });
}

/** What an order or a creation answered. */
export function useTakeDrain(): (drain: ManyDrain) => void {
  const client = useQueryClient();
  return (drain) => {
    client.setQueryData(oneKey(drain.id), drain);
    const { servers: _, ...brief } = drain;
    take(client, brief);
    void client.invalidateQueries({ queryKey: oneKey(drain.id) });
  };
}

/** A key that makes a POST sent twice the same one. randomUUID is not there on plain http of another machine. */
export function idempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
