import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { change, get } from "../wire/http";
import type { Me } from "../wire/types";

const key = ["me"] as const;

/** Who uses the page, and what it may do. */
export function useMe(): Me | undefined {
  return useQuery({ queryKey: key, queryFn: ({ signal }) => get<Me>("/api/me", signal), staleTime: 60_000 }).data;
}

export function forgetMe(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: key });
}

/** Signs in and out; what was read for the one before is forgotten. */
export function useSession(): { signIn(token: string): Promise<void>; signOut(): Promise<void> } {
  const client = useQueryClient();
  const begin = (me: Me) => {
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
    client.setQueryData(key, me);
  };
  return {
    signIn: async (token) => begin(await change<Me>("/api/session", { body: { token } })),
    signOut: async () => begin(await change<Me>("/api/session", { method: "DELETE" })),
  };
}
