import { useEffect, useState, type ReactNode } from "react";
import { useLive, useLiveness } from "../fleet/use";
import { Alert } from "../parts/Alert";
import { Button } from "../parts/Button";
import { Waiting } from "../parts/Waiting";
import type { ApiError } from "../wire/http";
import { useWords } from "../words/use";

const SLOW_MS = 5000;

export function Unreachable({ error, retry }: { error: ApiError; retry?: () => void }) {
  const { shell, states } = useWords();
  // A proxy in front answers for an observer that does not.
  const silent = error.status === 0 || /^http_5/.test(error.code);
  return (
    <div className="pad">
      <Alert severity={silent ? "warning" : "error"} title={silent ? shell.unreachable : shell.refused} action={retry && <Button onClick={retry}>{states.retry}</Button>}>
        {silent ? shell.unreachableHint : <bdi>{error.message}</bdi>}
      </Alert>
    </div>
  );
}

function NotKnown({ error }: { error: ApiError }) {
  const { shell, states } = useWords();
  return (
    <div className="pad">
      <Alert severity="warning" title={states.notKnown}>
        <p>{states.notKnownHint}</p>
        <p className="mono">
          {shell.notKnownWhy}: <bdi>{error.message}</bdi>
        </p>
      </Alert>
    </div>
  );
}

function Loading() {
  const { states, shell } = useWords();
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setSlow(true), SLOW_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return <Waiting text={slow ? `${states.loading} ${shell.slow}` : states.loading} />;
}

/** Shows its children once the fleet is known, and why it is not until then. */
export function FleetGate({ children }: { children: ReactNode }) {
  const live = useLive();
  const { known, phase, error } = useLiveness();
  const words = useWords();
  if (known) {
    return children;
  }
  if (error?.code === "not_known") {
    return <NotKnown error={error} />;
  }
  if (error?.status === 403) {
    return (
      <div className="pad">
        <Alert severity="warning" title={words.states.refusedTitle}>
          <bdi>{error.message}</bdi>
        </Alert>
      </div>
    );
  }
  return error !== null && phase !== "refused" ? <Unreachable error={error} retry={() => live.start()} /> : <Loading />;
}
