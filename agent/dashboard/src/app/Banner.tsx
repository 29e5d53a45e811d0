import { useEffect, useRef } from "react";
import { useSecond } from "../parts/Age";
import { Button } from "../parts/Button";
import { serverNow } from "../wire/clock";
import type { Me } from "../wire/types";
import { duration } from "../words/time";
import { useWords } from "../words/use";
import { announce } from "./Announcer";
import type { Old } from "./old";

function OldBanner({ old }: { old: Old }) {
  const words = useWords();
  useSecond();
  const age = duration(serverNow() - old.since, words);
  return (
    <div className="banner" data-kind={old.kind}>
      <span>{old.kind === "lost" ? words.states.lostTitle(age) : words.states.staleTitle(age)}</span>
      {old.kind === "lost" && <small>{old.reason === "stopping" ? words.states.stopping : words.states.lostHint}</small>}
      {old.kind === "stale" && old.reason !== null && (
        <small className="mono">
          <bdi>{old.reason}</bdi>
        </small>
      )}
    </div>
  );
}

/** Says once what the banner shows: its age would be said each second. */
function useSaid(kind: Old["kind"] | null): void {
  const { shell } = useWords();
  const before = useRef(kind);
  useEffect(() => {
    if (before.current !== kind) {
      before.current = kind;
      announce(kind === "lost" ? shell.wentLost : kind === "stale" ? shell.wentStale : shell.cameBack);
    }
  }, [kind, shell]);
}

/** One line below the bar where what the page shows is not the present, and why. */
export function Banner({ me, old }: { me: Me; old: Old | null }) {
  const words = useWords();
  const version = useRef(me.version);
  useSaid(old?.kind ?? null);
  if (old !== null) {
    return <OldBanner old={old} />;
  }
  if (version.current !== me.version) {
    return (
      <div className="banner" data-kind="news">
        <span>{words.states.newVersion}</span>
        <Button variant="outlined" onClick={() => window.location.reload()}>
          {words.states.reload}
        </Button>
      </div>
    );
  }
  return null;
}
