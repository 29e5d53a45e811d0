import type { DrainState, ManyDrain } from "../../wire/drains";
import { useWords } from "./words";

// The colours are those of the statuses that mean about as much; the shapes and words differ.
const colours: Record<DrainState, string> = {
  planned: "initializing",
  running: "draining",
  paused: "unknown",
  stopped: "error",
  cancelled: "unknown",
  undoing: "initializing",
  done: "ready",
};

const paths: Record<DrainState, string> = {
  planned: "M8 4v4l3 2M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2",
  running: "M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3 13.500h10",
  paused: "M5.500 3.500v9M10.500 3.500v9",
  stopped: "M8 4v5M8 12v.200M5.500 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5z",
  cancelled: "M4 4l8 8M12 4l-8 8",
  undoing: "M4 3v4h4M4.500 7A5 5 0 1 1 4 11",
  done: "M3 8.500 6.500 12 13 4.500",
};

export function DrainPill({ drain }: { drain: Pick<ManyDrain, "state" | "undone"> }) {
  const words = useWords();
  const text = drain.undone && drain.state === "done" ? words.drains.undone : (words.drains.states[drain.state] ?? drain.state);
  return (
    <span className="status" data-status={drain.undone ? "unknown" : colours[drain.state]}>
      <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        <path d={drain.undone && drain.state === "done" ? paths.undoing : paths[drain.state]} />
      </svg>
      {text}
    </span>
  );
}
