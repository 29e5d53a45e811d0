import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useFollowed } from "../../parts/useFollowed";
import { ApiError, change, get } from "../../wire/http";
import type { KeyInfo, KeyPage } from "../../wire/types";
import { readPart, type Part } from "./tree";

const LIST_MS = 30_000;
const ONE_MS = 10_000;
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

/** Reads what is shown again when a key below `prefix` changes. True while that is so. */
export function useKeysFollowed(prefix: string, enabled: boolean): boolean {
  const client = useQueryClient();
  return useFollowed(enabled ? `/api/keys/watch?prefix=${encodeURIComponent(prefix)}` : null, () => {
    void client.invalidateQueries({
      queryKey: ["keys"],
      predicate: ({ queryKey, state }) =>
        queryKey[1] === "one" || (queryKey[1] === "list" && ((state.data as { pages: unknown[] } | undefined)?.pages.length ?? 0) <= PARTS_KEPT),
    });
  });
}
