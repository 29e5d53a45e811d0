import { useEffect, useState } from "react";
import { useWords } from "../words/use";
import "./Copy.css";

/** Without a secure origin there is no clipboard of the browser, and a field that is selected has to do. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  const before = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) {
    before.focus();
  }
  return done;
}

/** A small button that copies `text`; `what` names it for those who do not see where it stands. */
export function Copy({ text, what, children }: { text: string; what: string; children?: string }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (copied) {
      const timer = window.setTimeout(() => setCopied(false), 1500);
      return () => window.clearTimeout(timer);
    }
  }, [copied]);
  const label = copied ? words.common.copied : `${words.common.copy}: ${what}`;
  return (
    <button type="button" className="copy" title={label} aria-label={label} data-done={copied || undefined} onClick={async () => setCopied(await copyText(text))}>
      <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        {copied ? <path d="M3 8.500 6.500 12 13 4.500" /> : <path d="M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3" />}
      </svg>
      {children !== undefined && <span>{copied ? words.common.copied : children}</span>}
    </button>
  );
}
