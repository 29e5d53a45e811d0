import { useLiveness } from "../fleet/use";
import type { Liveness } from "../fleet/live";
import { useWords } from "../words/use";
import type { Words } from "../words/en";

type Shown = "live" | "old" | "wait";

function shownOf(liveness: Liveness, { shell }: Words): [Shown, string] {
  if (liveness.lostSince !== null) {
    return [liveness.known ? "old" : "wait", liveness.error?.code === "not_known" ? shell.notKnown : shell.reconnecting];
  }
  if (liveness.phase === "asleep") {
    return ["wait", shell.asleep];
  }
  if (!liveness.known || liveness.phase !== "streaming") {
    return ["wait", shell.connecting];
  }
  return liveness.stale !== null ? ["old", shell.stale] : ["live", shell.live];
}

/** Whether the page is current, at a glance. The banner says more where it is not. */
export function ConnectionMark() {
  const liveness = useLiveness();
  const words = useWords();
  const [shown, text] = shownOf(liveness, words);
  return (
    <span className="connection" data-shown={shown} title={shown === "live" ? words.shell.liveHint : undefined}>
      <i aria-hidden="true" />
      <span>{text}</span>
    </span>
  );
}
