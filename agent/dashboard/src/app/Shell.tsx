import { useEffect, type ReactNode } from "react";
import { useLive, useLiveness } from "../fleet/use";
import { useWords } from "../words/use";
import { Announcer } from "./Announcer";
import { Banner } from "./Banner";
import { Bar } from "./Bar";
import { useMe } from "./me";
import { SignIn } from "./SignIn";
import "./Shell.css";

/** What stands around every page: the bar, the banner of what is wrong, the edge that tells which fleet it is. */
export function Shell({ children }: { children: ReactNode }) {
  const live = useLive();
  const liveness = useLiveness();
  const words = useWords();
  const me = useMe();
  const mayRead = me?.rights.read === true;
  const name = me?.name ?? null;

  useEffect(() => {
    if (mayRead) {
      live.start();
    } else if (me !== undefined) {
      live.close();
    }
  }, [live, mayRead, name, me === undefined]);

  useEffect(() => {
    document.title = me?.ui?.name ? `${me.ui.name} · Outrider` : "Outrider";
  }, [me?.ui?.name]);

  return (
    <div className="shell" data-edge={me?.ui?.colour ?? undefined} data-old={liveness.stale || liveness.lostSince ? "" : undefined}>
      <a className="skip" href="#content">
        {words.nav.skip}
      </a>
      <Bar me={me} />
      <Banner me={me} />
      <main id="content" className="content" tabIndex={-1}>
        {me !== undefined && !mayRead ? <SignIn /> : children}
      </main>
      <Announcer />
    </div>
  );
}
