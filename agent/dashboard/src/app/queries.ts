import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../wire/http";
import { whenOthers } from "./me";

/** What the pages read, but for the fleet and who uses the page. */
export const queries = new QueryClient({
  defaultOptions: {
    // An answer of the observer that is an error does not get better by asking at once again.
    // A browser that believes to be offline may well reach an observer on this machine.
    queries: { networkMode: "always", retry: (count, error) => !(error instanceof ApiError && error.status > 0) && count < 2, refetchOnWindowFocus: true },
    mutations: { networkMode: "always", retry: false },
  },
});

whenOthers((goOn) => {
  if (goOn) {
    void queries.resetQueries();
  } else {
    queries.removeQueries();
  }
});
