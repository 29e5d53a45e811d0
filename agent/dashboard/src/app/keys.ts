import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { Keyboard, type Shortcut } from "./keyboard";

export type { Shortcut } from "./keyboard";

// One listener for all shortcuts of the page. A component declares its own with useShortcuts and knows of no other.
const keyboard = new Keyboard();
const KEPT_AT = "outrider.letters";
const readers = new Set<() => void>();

function tell(): void {
  for (const told of [...readers]) {
    told();
  }
}

function subscribe(told: () => void): () => void {
  readers.add(told);
  return () => readers.delete(told);
}

keyboard.letters = typeof window === "undefined" || window.localStorage.getItem(KEPT_AT) !== "off";

const fields = "input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable=true]";
// What has keys of its own while it is open.
const closed = ".MuiModal-root, [aria-modal=true], [role=menu], [role=listbox]";

function pressed(event: KeyboardEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || target?.closest(closed)) {
    return;
  }
  if ((event.key === "Enter" || event.key === " ") && target?.closest("a[href], button, summary")) {
    return;
  }
  const inField = target?.closest(fields) != null;
  for (const shortcut of keyboard.find({ key: event.key, code: event.code, repeat: event.repeat, inField, at: event.timeStamp })) {
    if (shortcut.run(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

let listens = false;

/**
 * Makes the keys work while the component is there (and `enabled`). They may be made again in each render; the last declared of
 * several that want the same key is asked first. Nothing happens in a dialog, a menu or, but for `inFields`, while a text is typed.
 */
export function useShortcuts(shortcuts: readonly Shortcut[], enabled = true): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  // What is registered is the same while the keys and their texts are: a render does not register it again.
  const shape = JSON.stringify(shortcuts.map(({ keys, does, group, inFields, repeats }) => [keys, does, group, inFields, repeats]));
  const registered = useMemo(
    () => latest.current.map((each, index): Shortcut => ({ ...each, run: (event) => latest.current[index]?.run(event) })),
    [shape],
  );
  useEffect(() => {
    if (!enabled) {
      return undefined;
    }
    if (!listens) {
      listens = true;
      document.addEventListener("keydown", pressed);
    }
    const remove = keyboard.add(registered);
    tell();
    return () => {
      remove();
      tell();
    };
  }, [registered, enabled]);
}

/** All shortcuts that work now, for the list of them. */
export function shortcutsNow(): readonly Shortcut[] {
  return keyboard.all();
}

/** Whether shortcuts of a single character work, and how to switch them. */
export function useLetters(): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore(subscribe, () => keyboard.letters);
  return [
    on,
    (next) => {
      keyboard.letters = next;
      window.localStorage.setItem(KEPT_AT, next ? "on" : "off");
      tell();
    },
  ];
}
