import { useEffect, useRef, type RefObject } from "react";
import type { Key } from "../../fleet/row";

/** Where the keyboard goes back to when the element that it came from is there no more. */
function fallback(key: Key): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? document.getElementById("content");
}

/** On a phone the drawer covers what is behind it: neither the focus nor a screen reader shall get there. */
function useCover(frame: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const phone = window.matchMedia("(max-width: 700px)");
    const rail = frame.current?.parentElement ?? null;
    const behind = [...(rail?.parentElement?.children ?? [])].filter((each): each is HTMLElement => each instanceof HTMLElement && each !== rail);
    const cover = () => behind.forEach((each) => (each.inert = phone.matches));
    cover();
    phone.addEventListener("change", cover);
    return () => {
      phone.removeEventListener("change", cover);
      behind.forEach((each) => (each.inert = false));
    };
  }, [frame]);
}

/** What makes a section a drawer that is no modal: the focus goes into it when it opens or shows another server, and back when it closes. */
export function useDrawer(frame: RefObject<HTMLElement | null>, name: Key): void {
  const opener = useRef<Element | null>(null);
  const shownName = useRef(name);
  shownName.current = name;

  useEffect(() => {
    const active = document.activeElement;
    if (!frame.current?.contains(active)) {
      opener.current = active;
    }
    frame.current?.focus({ preventScroll: true });
  }, [frame, name]);

  useEffect(
    () => () => {
      const back = opener.current;
      // The table may be rendered once more before it has the row again.
      window.requestAnimationFrame(() => {
        const lost = document.activeElement === null || document.activeElement === document.body;
        if (lost) {
          const target = back instanceof HTMLElement && back.isConnected && back !== document.body ? back : fallback(shownName.current);
          target?.focus({ preventScroll: true });
        }
      });
    },
    [],
  );
  useCover(frame);
}
