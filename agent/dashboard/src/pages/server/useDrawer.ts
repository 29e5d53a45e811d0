import { useEffect, useRef, type RefObject } from "react";
import type { Key } from "../../fleet/row";

/** Where the keyboard goes back to: where it came from, or the row of the server, or the content. */
function giveBack(opener: Element | null, key: Key): void {
  const row = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  // An element of the table may stand for another server by now.
  const holds = opener?.closest<HTMLElement>("[data-key]")?.dataset.key;
  const from = holds === undefined || holds === key ? opener : null;
  const targets = [from, row, row?.querySelector("a[href], button"), document.getElementById("content")];
  for (const target of targets) {
    if (target instanceof HTMLElement && target.isConnected && target !== document.body) {
      target.focus({ preventScroll: true });
      if (document.activeElement === target) {
        return;
      }
    }
  }
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
          giveBack(back, shownName.current);
        }
      });
    },
    [],
  );
  useCover(frame);
}
