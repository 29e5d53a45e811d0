import { CacheProvider } from "@emotion/react";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { queries } from "./queries";
import { makeStyleCache, theme } from "./theme";

const styles = makeStyleCache();
// It takes more than its type says: no node whose theme it would set.
const noNode = { colorSchemeNode: null } as object;

/** What is not in the first load has this around it: what MUI needs, and what the pages read. Which theme is shown is look.ts's affair: MUI keeps none and sets none. */
export function Around({ children }: { children: ReactNode }) {
  return (
    <CacheProvider value={styles}>
      <ThemeProvider theme={theme} storageManager={null} noSsr {...noNode}>
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </ThemeProvider>
    </CacheProvider>
  );
}
