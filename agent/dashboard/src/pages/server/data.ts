import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { isUrgent, shownStatus, type Key, type Row } from "../../fleet/row";
import { useLive, useRow } from "../../fleet/use";
import { ApiError, get } from "../../wire/http";
import { serverPath } from "../../wire/holds";
import type { Gone, Leader, ServerHistory, Session } from "../../wire/types";

/** A server as it is shown: its row, or what the history has of one that is in no row any more. */
export interface Shown {
  key: Key;
  row: Row;
  /** In no row: it went more than a while ago, or left in good order. */
  past: boolean;
}

/** Its history; read again each minute, and when what a row says at once is another. */
export function useHistory(key: Key) {
  const row = useRow(key);
  const client = useQueryClient();
  const before = useRef(row);
  const query = useQuery<ServerHistory, ApiError>({
    queryKey: ["history", key],
    queryFn: ({ signal }) => get<ServerHistory>(`${serverPath(key)}/history`, signal),
    refetchInterval: 60_000,
  });
  useEffect(() => {
    const last = before.current;
    before.current = row;
    if (last !== row && (last === undefined || row === undefined || last.status !== row.status || isUrgent(last.record, row.record))) {
      void client.invalidateQueries({ queryKey: ["history", key] });
    }
  }, [client, key, row]);
  return query;
}

/** The row that stands for a server that is only in the history. */
export function rowOfHistory(history: ServerHistory): Row | null {
  const record = history.record ?? { type: history.type, id: history.id, status: history.status };
  const key = `${history.type}/${history.id}`;
  if (history.online) {
    return history.record === null ? null : { key, record, status: shownStatus(record.status), gone: null, changedAt: null };
  }
  const gone: Gone = { type: history.type, id: history.id, status: history.status, goneAt: history.goneAt ?? "", why: history.why ?? "", record: history.record };
  return { key, record, status: "offline", gone, changedAt: history.goneAt === null ? null : Date.parse(history.goneAt) };
}

/** The scopes that a server leads. The stream tells each change of a leader. */
export function useLeads(key: Key): Leader[] {
  const live = useLive();
  const client = useQueryClient();
  const { data } = useQuery({
    queryKey: ["leaders"],
    queryFn: ({ signal }) => get<{ leaders: Leader[] }>("/api/leader", signal),
    staleTime: 60_000,
    refetchInterval: 60_000, // what changed while the stream was away is not told
  });
  useEffect(
    () =>
      live.feed((event) => {
        if (event.event === "leader") {
          void client.invalidateQueries({ queryKey: ["leaders"] });
        }
      }),
    [live, client],
  );
  return (data?.leaders ?? []).filter(({ leader }) => leader !== null && `${leader.type}/${leader.id}` === key);
}

const SESSIONS_READ = 1000;

/** How many sessions are on it; null where this agent keeps none, or they cannot be read. */
export function useSessionCount(key: Key): { count: number; more: boolean } | null {
  const { data } = useQuery({
    queryKey: ["sessions", "of", key],
    queryFn: ({ signal }) => get<{ sessions: Session[]; next: string | null }>(`/api/sessions?limit=${SESSIONS_READ}&server=${encodeURIComponent(key)}`, signal),
    retry: false,
    // An observer that keeps none says so once; one that was away for a moment is asked again.
    refetchInterval: (query) => (query.state.error instanceof ApiError && query.state.error.status >= 400 && query.state.error.status < 500 ? false : 30_000),
    select: ({ sessions, next }) => ({ count: sessions.length, more: next !== null }),
  });
  return data ?? null;
}
