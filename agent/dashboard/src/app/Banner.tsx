import { Button } from "@mui/material";
import { useRef } from "react";
import { useLiveness } from "../fleet/use";
import { useSecond } from "../parts/Age";
import { serverNow } from "../wire/clock";
import type { Me } from "../wire/types";
import { duration } from "../words/time";
import { useWords } from "../words/use";

/** One line below the bar where what the page shows is not the present, and why. */
export function Banner({ me }: { me: Me | undefined }) {
  const liveness = useLiveness();
  const words = useWords();
  const version = useRef<string | null>(null);
  useSecond();
  if (me !== undefined) {
    version.current ??= me.version;
  }
  const age = (since: number) => duration(serverNow() - since, words);
  if (liveness.lostSince !== null && liveness.known) {
    return (
      <div className="banner" data-kind="lost" role="status">
        <span>{words.states.lostTitle(age(liveness.lostSince))}</span>
        <small>{liveness.bye === "stopping" ? words.states.stopping : words.states.lostHint}</small>
      </div>
    );
  }
  if (liveness.stale !== null) {
    return (
      <div className="banner" data-kind="stale" role="status">
        <span>{words.states.staleTitle(age(liveness.stale.since))}</span>
        {liveness.stale.reason !== null && <small className="mono">{liveness.stale.reason}</small>}
      </div>
    );
  }
  if (me !== undefined && version.current !== me.version) {
    return (
      <div className="banner" data-kind="news" role="status">
        <span>{words.states.newVersion}</span>
        <Button onClick={() => window.location.reload()}>{words.states.reload}</Button>
      </div>
    );
  }
  return null;
}
