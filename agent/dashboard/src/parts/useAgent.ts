import { useQuery } from "@tanstack/react-query";
import type { AgentFacts } from "../wire/agent";
import { get } from "../wire/http";

const REFRESH_MS = 10_000;

/** The facts of the agent that serves the page. */
export function useAgent() {
  return useQuery({ queryKey: ["agent"], queryFn: ({ signal }) => get<AgentFacts>("/api/agent", signal), refetchInterval: REFRESH_MS });
}
