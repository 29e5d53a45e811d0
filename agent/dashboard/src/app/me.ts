import { queryOptions, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { ApiError, change, get } from "../wire/http";
import { takeEarly } from "../wire/early";
import { heardNow } from "../wire/clock";
import type { Me } from "../wire/types";
import { personIs } from "./person";

const key = ["me"] as const;
const RETRY_MS = 3000;
const REFRESH_MS = 5 * 60_000;

const asking = queryOptions({
  queryKey: key,
  queryFn: async ({ signal, client }) => {
    const me = await takeEarly("/api/me", () => get<Me>("/api/me", signal));
    heardNow(me.now);
    if (personIs(me.name)) {
      // Another tab has signed somebody else in: what was read for the one before is not theirs to see.
      void client.resetQueries({ predicate: (query) => query.queryKey[0] !== "me" });
    }
    return me;
  },
  staleTime: 60_000,
  retry: false,
});

/** Asks who uses the page before anything is rendered; null where there is no answer. */
export function firstMe(client: QueryClient): Promise<Me | null> {
  return client.fetchQuery(asking).catch(() => null);
}

/** Asks again by itself while there is no answer. */
export function useMeQuery(): { me: Me | undefined; error: ApiError | null } {
  const { data, error } = useQuery({
    ...asking,
    refetchInterval: (query) => (query.state.status === "error" ? RETRY_MS : REFRESH_MS),
  });
  return { me: data, error: error instanceof ApiError ? error : error === null ? null : new ApiError(0, "unreachable", String(error)) };
}

/** Who uses the page, and what it may do. */
export function useMe(): Me | undefined {
  return useMeQuery().me;
}

export function forgetMe(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: key });
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

/** Signs in and out; what was read for the one before is forgotten. */
export function useSession(): Session {
  const client = useQueryClient();
  const begin = (me: Me) => {
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
    client.setQueryData(key, me);
  };
  return {
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
}
