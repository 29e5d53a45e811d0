import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { Live, Liveness } from "./live";
import type { Key, Row } from "./row";

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) {
    throw new Error("there is no LiveContext above");
  }
  return live;
}

export function useLiveness(): Liveness {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, live.liveness);
}

/** The row, and nothing is rendered when another one changes. */
export function useRow(key: Key): Row | undefined {
  const { store } = useLive();
  // Another function would be another subscription at each render.
  const subscribe = useCallback((told: () => void) => store.subscribeRow(key, told), [store, key]);
  return useSyncExternalStore(subscribe, () => store.row(key));
}
