import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLive } from "../../fleet/use";
import { useFollowed } from "../../parts/useFollowed";
import { ApiError, change, get, segment } from "../../wire/http";
import type { Leader, Session } from "../../wire/types";

const PAGE = 100;
const REFRESH_MS = 10_000;

export interface LeaderList {
  leaders: Leader[];
  skipped: Record<string, number>;
  leftOut: number;
  stale: boolean;
}

/** The list with what one event tells of a scope. */
export function withLeader(list: LeaderList, leader: Leader): LeaderList {
  const others = list.leaders.filter((each) => each.scope !== leader.scope);
  return { ...list, leaders: [...others, leader].sort((a, b) => (a.scope < b.scope ? -1 : 1)) };
}

/** Who leads: read, and kept current by the events of the stream. `told` hears of each change. */
export function useLeaders(told: (leader: Leader) => void) {
  const live = useLive();
  const client = useQueryClient();
  useEffect(
    () =>
      live.feed(({ event, data }) => {
        if (event === "leader") {
          const leader = JSON.parse(data) as Leader;
          const before = client.getQueryData<LeaderList>(["leaders"]);
          if (before !== undefined) {
            client.setQueryData(["leaders"], withLeader(before, leader));
            if (before.leaders.find((each) => each.scope === leader.scope)?.token !== leader.token) {
              told(leader);
            }
          }
        }
      }),
    [live, client, told],
  );
  return useQuery({ queryKey: ["leaders"], queryFn: ({ signal }) => get<LeaderList>("/api/leader", signal), refetchInterval: 3 * REFRESH_MS });
}

export interface Search {
  player: string;
  server: string;
}

function parametersOf({ player, server }: Search): URLSearchParams {
  const parameters = new URLSearchParams();
  if (player !== "") {
    parameters.set("player", player);
  }
  if (server !== "") {
    parameters.set("server", server);
  }
  return parameters;
}

function sessionsPath(search: Search, after: string | null): string {
  const parameters = parametersOf(search);
  parameters.set("limit", String(PAGE));
  if (after !== null) {
    parameters.set("after", after);
  }
  return `/api/sessions?${parameters}`;
}

/** A search is followed as it changes; all sessions there are would be too many changes, and are read again from time to time. */
export function useSessions(search: Search) {
  const client = useQueryClient();
  const narrow = search.player !== "" || search.server !== "";
  const followed = useFollowed(narrow ? `/api/sessions/subscribe?${parametersOf(search)}` : null, () => {
    void client.invalidateQueries({ queryKey: ["sessions"] });
  });
  return useInfiniteQuery({
    queryKey: ["sessions", search],
    queryFn: ({ pageParam, signal }) => get<{ sessions: Session[]; next: string | null }>(sessionsPath(search, pageParam), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    refetchInterval: (query) => (followed || (query.state.data?.pages.length ?? 0) > 3 ? false : REFRESH_MS),
  });
}

export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => change<Session>(`/api/sessions/${segment(id)}`, { method: "DELETE" }),
    onSettled: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
}

export interface Reservation {
  reservation: { id: string; seats: number; expiresAt: string; by?: string };
}

function reservationPath(server: string, id: string): string {
  const slash = server.indexOf("/");
  return `/api/reservations/${segment(server.slice(0, slash))}/${segment(server.slice(slash + 1))}/${segment(id)}`;
}

export function useReservation(asked: { server: string; id: string } | null) {
  return useQuery({
    queryKey: ["reservation", asked],
    queryFn: ({ signal }) => get<Reservation>(reservationPath(asked!.server, asked!.id), signal),
    enabled: asked !== null,
    retry: (count, error) => !(error instanceof ApiError && error.status > 0) && count < 2,
  });
}

export function useRelease() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ server, id }: { server: string; id: string }) => change<unknown>(reservationPath(server, id), { method: "DELETE" }),
    onSettled: () => client.invalidateQueries({ queryKey: ["reservation"] }),
  });
}
