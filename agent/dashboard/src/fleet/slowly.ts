import { useEffect, useState } from "react";
import { useLive } from "./use";

const EACH_MS = 1000;

/** Grows when the fleet has changed, once a second at most: for what is reckoned from all rows, which players alone would ask for all the time. */
export function useFleetSlowly(): number {
  const { store } = useLive();
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: number | undefined;
    const end = store.subscribe(({ all }) => {
      if (all) {
        setCount((before) => before + 1);
      } else {
        timer ??= window.setTimeout(() => {
          timer = undefined;
          setCount((before) => before + 1);
        }, EACH_MS);
      }
    });
    return () => {
      end();
      window.clearTimeout(timer);
    };
  }, [store]);
  return count;
}
