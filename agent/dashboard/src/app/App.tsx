import { Live } from "../fleet/live";
import { LiveContext } from "../fleet/use";
import { whenSignedOut } from "../wire/http";
import { WordsProvider } from "../words/use";
import { firstMe, forgetMe } from "./me";
import { Routes } from "./Routes";
import { Shell } from "./Shell";

const live = new Live();
whenSignedOut(forgetMe);

/** Resolves once all that the first table needs is there, or does not come. What is rendered before that is rendered twice. */
export async function startApp(): Promise<void> {
  const me = await firstMe();
  if (me?.rights.read === true) {
    live.start();
    await live.read();
  }
}

export function App() {
  return (
    <WordsProvider>
      <LiveContext.Provider value={live}>
        <Shell>
          <Routes />
        </Shell>
      </LiveContext.Provider>
    </WordsProvider>
  );
}
