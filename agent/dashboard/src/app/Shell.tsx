import { useEffect, useRef, type ReactNode } from "react";
import { useLocation } from "wouter";
import { useLive, useLiveness } from "../fleet/use";
import { useMedia } from "../parts/useMedia";
import { Waiting } from "../parts/Waiting";
import type { Me } from "../wire/types";
import { useWords } from "../words/use";
import { announce, Announcer } from "./Announcer";
import { Banner } from "./Banner";
import { Bar } from "./Bar";
import { Unreachable } from "./FleetGate";
import { hideHelp, showHelp, useHelpOpen } from "./help";
import { useShortcuts, type Shortcut } from "./keys";
import { fetchLater, later, Over } from "./later";
import { forgetMe, leftOnPurpose, useKnown } from "./me";
import { placeKeys, placesOf } from "./navigation";
import { useOld } from "./old";
import { PhoneNav } from "./PhoneNav";
import { places } from "./places";
import { SignIn } from "./SignIn";
import "./Shell.css";

const HelpDialog = later(() => import("./HelpDialog"));

/** The stream runs while somebody may read it; who uses the page is asked again whenever the stream has come back. */
function useStream(me: Me | undefined): void {
  const live = useLive();
  const mayRead = me?.rights.read === true;
  const name = me?.name ?? null;
  const phase = useLiveness().phase;
  useEffect(() => {
    if (mayRead) {
      live.start();
    } else if (me !== undefined) {
      live.close();
    }
  }, [live, mayRead, name, me === undefined]);
  const streamed = useRef(false);
  useEffect(() => {
    if (phase === "streaming" && streamed.current) {
      forgetMe();
    }
    streamed.current ||= phase === "streaming";
  }, [phase]);
}

function usePlaceKeys(me: Me | undefined): void {
  const [, navigate] = useLocation();
  const words = useWords();
  const goes = (me === undefined ? [] : placesOf(me)).flatMap((name): Shortcut[] => {
    const key = placeKeys[name];
    return key === undefined
      ? []
      : [{ keys: `g ${key}`, group: "anywhere", does: words.shell.keyboard.goTo(words.nav[name]), run: () => navigate(places[name]) }];
  });
  useShortcuts([...goes, { keys: "?", group: "anywhere", does: words.shell.keyboard.help, run: showHelp }], me?.rights.read === true);
}

/** Whether somebody was signed in here before. */
function useWasIn(me: Me | undefined): boolean {
  const was = useRef(false);
  const { shell } = useWords();
  const out = me !== undefined && !me.rights.read;
  useEffect(() => {
    if (out && was.current && !leftOnPurpose()) {
      announce(shell.signedOutSaid);
    }
  }, [out, shell]);
  was.current ||= me?.rights.read === true;
  return was.current;
}

/** All else is loaded once what was asked for is there: the fleet, or the sign-in. */
function useRest(me: Me | undefined): void {
  const { known, lostSince } = useLiveness();
  const ready = me !== undefined && (!me.rights.read || (known && lostSince === null));
  useEffect(() => {
    if (ready) {
      fetchLater();
    }
  }, [ready]);
}

/** What stands around every page: the bar, the banner of what is wrong, the edge that tells which fleet it is. */
export function Shell({ children }: { children: ReactNode }) {
  const words = useWords();
  const { me, error } = useKnown();
  const inside = me?.rights.read === true;
  const old = useOld();
  const wasIn = useWasIn(me);
  const help = useHelpOpen();
  const phone = useMedia("(max-width: 700px)");
  useStream(me);
  usePlaceKeys(me);
  useRest(me);
  return (
    <div className="shell" data-edge={me?.ui?.colour ?? undefined} data-old={inside ? old?.kind : undefined}>
      <a className="skip" href="#content">
        {words.nav.skip}
      </a>
      <Bar me={me} inside={inside} />
      {inside && <Banner me={me} old={old} />}
      <main id="content" className="content" tabIndex={-1}>
        {me !== undefined && (inside ? children : <SignIn lost={wasIn} />)}
        {me === undefined && (error === null ? <Waiting text={words.shell.connectingTo} /> : <Unreachable error={error} retry={forgetMe} />)}
      </main>
      {inside && phone && <PhoneNav me={me} />}
      {help && (
        <Over close={hideHelp}>
          <HelpDialog />
        </Over>
      )}
      <Announcer />
    </div>
  );
}
