import { CacheProvider } from "@emotion/react";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Live } from "../fleet/live";
import { LiveContext } from "../fleet/use";
import { ApiError, whenSignedOut } from "../wire/http";
import { WordsProvider } from "../words/use";
import { forgetMe } from "./me";
import { Routes } from "./Routes";
import { Shell } from "./Shell";
import { makeStyleCache, theme } from "./theme";

const styles = makeStyleCache();
const live = new Live();
const queries = new QueryClient({
  defaultOptions: {
    // An answer of the observer that is an error does not get better by asking at once again.
    // A browser that believes to be offline may well reach an observer on this machine.
    queries: { networkMode: "always", retry: (count, error) => !(error instanceof ApiError && error.status > 0) && count < 2, refetchOnWindowFocus: true },
    mutations: { networkMode: "always", retry: false },
  },
});
whenSignedOut(() => forgetMe(queries));

export function App() {
  return (
    <CacheProvider value={styles}>
      <ThemeProvider theme={theme} defaultMode="system">
        <WordsProvider>
          <QueryClientProvider client={queries}>
            <LiveContext.Provider value={live}>
              <Shell>
                <Routes />
              </Shell>
            </LiveContext.Provider>
          </QueryClientProvider>
        </WordsProvider>
      </ThemeProvider>
    </CacheProvider>
  );
}
