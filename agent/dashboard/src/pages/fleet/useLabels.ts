import { useEffect, useState } from "react";
import { useLive } from "../../fleet/use";

const LOOK_MS = 10_000;
const MOST = 12;

/** The names of labels that servers have, looked for now and then: they hardly ever change. */
export function useLabels(): readonly string[] {
  const { store } = useLive();
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    const look = () => {
      const found = new Set<string>();
      for (const { record } of store.rows()) {
        for (const name in record.labels) {
          found.add(name);
        }
      }
      const sorted = [...found].sort().slice(0, MOST);
      setNames((before) => (before.join("\n") === sorted.join("\n") ? before : sorted));
    };
    look();
    const timer = window.setInterval(look, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [store]);
  return names;
}
