import { useEffect, useState } from "react";
import type { Liveness } from "../fleet/live";
import { useLiveness } from "../fleet/use";

const BLINK_MS = 1500;

/** What the page shows is not the present: since when, by the observer's clock. */
export type Old = { kind: "lost"; since: number; reason: string | null } | { kind: "stale"; since: number; reason: string | null };

function oldOf(liveness: Liveness, lost: boolean): Old | null {
  if (lost && liveness.lostSince !== null && liveness.known) {
    return { kind: "lost", since: liveness.lostSince, reason: liveness.bye };
  }
  return liveness.stale === null ? null : { kind: "stale", ...liveness.stale };
}

/** Null while the page is current. A connection that comes back within a moment has not been lost. */
export function useOld(): Old | null {
  const liveness = useLiveness();
  const away = liveness.lostSince !== null;
  const [lost, setLost] = useState(false);
  useEffect(() => {
    setLost(false);
    const timer = away ? window.setTimeout(() => setLost(true), BLINK_MS) : undefined;
    return () => window.clearTimeout(timer);
  }, [away]);
  return oldOf(liveness, away && lost);
}
