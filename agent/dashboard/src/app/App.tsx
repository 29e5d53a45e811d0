import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Live } from "../fleet/live";
import { LiveContext } from "../fleet/use";
import { ApiError, whenSignedOut } from "../wire/http";
import { WordsProvider } from "../words/use";
import { firstMe, forgetMe } from "./me";
import { Routes } from "./Routes";
import { Shell } from "./Shell";

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

/** Resolves once all that the first table needs is there, or does not come. What is rendered before that is rendered twice. */
export async function startApp(): Promise<void> {
  const me = await firstMe(queries);
  if (me?.rights.read === true) {
    live.start();
    await live.read();
  }
}

export function App() {
  return (
    <WordsProvider>
      <QueryClientProvider client={queries}>
        <LiveContext.Provider value={live}>
          <Shell>
            <Routes />
          </Shell>
        </LiveContext.Provider>
      </QueryClientProvider>
    </WordsProvider>
  );
}
