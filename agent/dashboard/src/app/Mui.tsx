import { CacheProvider } from "@emotion/react";
import { ThemeProvider } from "@mui/material/styles";
import type { ReactNode } from "react";
import { makeStyleCache, theme } from "./theme";

const styles = makeStyleCache();
// It takes more than its type says: no node whose theme it would set.
const noNode = { colorSchemeNode: null } as object;

/** What MUI needs around it. Which theme is shown is look.ts's affair: MUI keeps none and sets none. */
export function Mui({ children }: { children: ReactNode }) {
  return (
    <CacheProvider value={styles}>
      <ThemeProvider theme={theme} storageManager={null} noSsr {...noNode}>
        {children}
      </ThemeProvider>
    </CacheProvider>
  );
}
