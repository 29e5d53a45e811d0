import { useEffect, useState, type ReactNode } from "react";
import { useFleetSlowly } from "../fleet/slowly";
import { useLive } from "../fleet/use";
import { useMe } from "./me";

// Whoever has just opened the page begins at its top.
let opened = true;

/** The next place gets the focus, as there was something else before it. */
export function expectArrival(): void {
  opened = false;
}

/** Moves the focus to what the place is called, so that a keyboard and a screen reader go on there. */
function focusHeading(): void {
  const content = document.getElementById("content");
  const heading = content?.querySelector<HTMLElement>("h1") ?? content;
  if (heading != null && !heading.hasAttribute("tabindex")) {
    heading.tabIndex = -1;
  }
  heading?.focus({ preventScroll: true });
}

/** How many servers are in trouble: the tab tells it while another one is looked at. A browser takes milliseconds for a title: not at each change. */
function useTroubled(): number {
  const { store } = useLive();
  const count = useFleetSlowly();
  const [troubled, setTroubled] = useState(0);
  // Not while something is rendered: to count the whole fleet takes a moment that the first table has not.
  useEffect(() => {
    const { error, offline } = store.totals().byStatus;
    setTroubled(error + offline);
  }, [store, count]);
  return troubled;
}

/** A place of the page, once it is there: its title, and the focus unless the page has just been opened. */
export function Arrival({ at, title, children }: { at: string; title: string; children: ReactNode }) {
  const name = useMe()?.ui?.name;
  const troubled = useTroubled();
  useEffect(() => {
    document.title = `${troubled > 0 ? `(${troubled}) ` : ""}${[title, name, "Outrider"].filter(Boolean).join(" · ")}`;
  }, [title, name, troubled]);
  useEffect(() => {
    if (opened) {
      opened = false;
      return;
    }
    window.scrollTo(0, 0);
    focusHeading();
  }, [at]);
  return children;
}
