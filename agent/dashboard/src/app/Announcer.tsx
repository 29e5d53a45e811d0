import { useEffect, useState } from "react";

type Told = (text: string) => void;
let told: Told | null = null;

/** Has a screen reader say `text` when it is done with what it says now. For what happens without the focus being there. */
export function announce(text: string): void {
  told?.(text);
}

/** The one polite live region of the page. */
export function Announcer() {
  const [said, say] = useState({ text: "", count: 0 });
  useEffect(() => {
    told = (text) => say((before) => ({ text, count: before.count + 1 }));
    return () => {
      told = null;
    };
  }, []);
  // The same text twice in a row is said twice: the second has another node.
  return (
    <div className="unseen" role="status" aria-live="polite">
      <span key={said.count}>{said.text}</span>
    </div>
  );
}
