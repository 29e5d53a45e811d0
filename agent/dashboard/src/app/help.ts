import { useSyncExternalStore } from "react";

// The list of shortcuts is opened by a key, by the menu and by a page.
let open = false;
const readers = new Set<() => void>();

function set(next: boolean): void {
  open = next;
  for (const told of [...readers]) {
    told();
  }
}

export function showHelp(): void {
  set(true);
}

export function hideHelp(): void {
  set(false);
}

export function useHelpOpen(): boolean {
  return useSyncExternalStore(
    (told) => {
      readers.add(told);
      return () => readers.delete(told);
    },
    () => open,
  );
}
