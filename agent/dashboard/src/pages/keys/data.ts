import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiError, change, get, send } from "../../wire/http";
import { SseParser } from "../../wire/sse";
import type { KeyInfo, KeyPage } from "../../wire/types";
import { readPart, type Part } from "./tree";

const LIST_MS = 30_000;
const ONE_MS = 10_000;
const FOLLOW_LIST_MS = 2000;
const AGAIN_MS = 3000;
/** So many parts are read again by themselves; of more, whoever has scrolled so far asks for it. */
const PARTS_KEPT = 4;

function listPath(prefix: string, after: string | null, limit: number): string {
  const parameters = new URLSearchParams({ limit: String(limit) });
  if (prefix !== "") {
    parameters.set("prefix", prefix);
  }
  if (after !== null) {
    parameters.set("after", after);
  }
  return `/api/keys?${parameters}`;
}

/** What the observer shows at all. */
export function useScope() {
  return useQuery({ queryKey: ["keys", "scope"], queryFn: ({ signal }) => get<KeyPage>(listPath("", null, 1), signal), staleTime: 60_000 });
}

export function useList(prefix: string, flat: boolean, followed: boolean, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ["keys", "list", prefix, flat],
    queryFn: ({ pageParam, signal }): Promise<Part> =>
      readPart((after) => get<KeyPage>(listPath(prefix, after, flat ? 1000 : 500), signal), prefix, pageParam, flat),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    enabled,
    refetchOnWindowFocus: false,
    refetchInterval: (query) => (followed || (query.state.data?.pages.length ?? 0) > PARTS_KEPT ? false : LIST_MS),
  });
}

export function useKey(id: string, followed: boolean) {
  return useQuery({
    queryKey: ["keys", "one", id],
    queryFn: ({ signal }) => get<KeyInfo>(`/api/keys/${id}`, signal),
    refetchInterval: followed ? false : ONE_MS,
    retry: (count, error) => !(error instanceof ApiError && error.status > 0) && count < 2,
  });
}

export interface Write {
  id: string;
  body: { value: string } | { valueBase64: string };
  /** The revision that is replaced; null: there must be no such key. */
  over: number | null;
}

export function useKeyChanges() {
  const client = useQueryClient();
  const onSettled = () => client.invalidateQueries({ queryKey: ["keys"] });
  const put = useMutation({
    mutationFn: ({ id, body, over }: Write) =>
      change<{ revision: number }>(`/api/keys/${id}`, {
        method: "PUT",
        body,
        headers: over === null ? { "If-None-Match": "*" } : { "If-Match": `"${over}"` },
      }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: ({ id, revision }: { id: string; revision: number }) =>
      change<unknown>(`/api/keys/${id}`, { method: "DELETE", headers: { "If-Match": `"${revision}"` } }),
    onSettled,
  });
  return { put, remove };
}

export interface Plan {
  prefix: string;
  count: number;
  plan: string;
}

export function previewBelow(prefix: string): Promise<Plan> {
  return change<Plan>("/api/keys/delete-prefix?preview", { body: { prefix } });
}

export function removeBelow({ prefix, plan }: Plan): Promise<Plan & { removed: number }> {
  return change<Plan & { removed: number }>("/api/keys/delete-prefix", { body: { prefix, plan } });
}

/** Follows the stream until it ends; false: this observer has none. */
async function follow(prefix: string, signal: AbortSignal, told: () => void, opened: () => void): Promise<boolean> {
  let answer: Response;
  try {
    answer = await send(`/api/keys/watch?prefix=${encodeURIComponent(prefix)}`, { signal, headers: { Accept: "text/event-stream" } });
  } catch (error) {
    return !(error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429);
  }
  opened();
  const parser = new SseParser({ event: told, comment: () => {} });
  const decoder = new TextDecoder();
  const reader = answer.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) {
      return true;
    }
    parser.push(decoder.decode(value, { stream: true }));
  }
}

/** Reads what is shown again when a key below `prefix` changes, at most every 2 s. True while that is so. */
export function useFollowed(prefix: string, enabled: boolean): boolean {
  const client = useQueryClient();
  const [followed, setFollowed] = useState(false);
  useEffect(() => {
    if (!enabled) {
      return undefined;
    }
    const abort = new AbortController();
    let waiting: number | undefined;
    let again: number | undefined;
    const told = () => {
      waiting ??= window.setTimeout(() => {
        waiting = undefined;
        void client.invalidateQueries({
          queryKey: ["keys"],
          predicate: ({ queryKey, state }) =>
            queryKey[1] === "one" || (queryKey[1] === "list" && ((state.data as { pages: unknown[] } | undefined)?.pages.length ?? 0) <= PARTS_KEPT),
        });
      }, FOLLOW_LIST_MS);
    };
    const run = async () => {
      const goesOn = await follow(prefix, abort.signal, told, () => setFollowed(true)).catch(() => true);
      if (!abort.signal.aborted) {
        setFollowed(false);
        again = goesOn ? window.setTimeout(() => void run(), AGAIN_MS) : undefined;
      }
    };
    void run();
    return () => {
      abort.abort();
      window.clearTimeout(waiting);
      window.clearTimeout(again);
      setFollowed(false);
    };
  }, [client, prefix, enabled]);
  return followed;
}
