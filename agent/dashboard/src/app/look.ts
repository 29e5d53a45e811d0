import { useSyncExternalStore } from "react";

// Light or dark: as somebody has chosen, or as the system has it. The styles, those of MUI too, go by data-theme of the document alone.
const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT_AT = "outrider.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const readers = new Set<() => void>();

function kept(): Theme {
  const theme = window.localStorage.getItem(KEPT_AT);
  return THEMES.find((each) => each === theme) ?? "system";
}

function show(): void {
  const theme = kept();
  document.documentElement.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  for (const told of [...readers]) {
    told();
  }
}

/** Shows the theme from now on, whatever the system or another tab does to it; to be called before anything is rendered. */
export function startLook(): void {
  show();
  dark.addEventListener("change", show);
  window.addEventListener("storage", (event) => event.key === KEPT_AT && show());
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore((told) => {
    readers.add(told);
    return () => readers.delete(told);
  }, kept);
  return [
    theme,
    (next) => {
      window.localStorage.setItem(KEPT_AT, next);
      show();
    },
  ];
}
