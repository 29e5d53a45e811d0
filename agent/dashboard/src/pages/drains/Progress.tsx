import type { ManyDrain } from "../../wire/drains";
import { segments, through, total } from "./model";
import { useWords } from "./words";

/** Counts as a bar and in words; the bar says nothing that the words do not. */
export function Progress({ counts, brief = false }: { counts: ManyDrain["counts"]; brief?: boolean }) {
  const words = useWords();
  const parts = segments(counts);
  return (
    <div className="progress">
      <div className="progress-bar" aria-hidden="true">
        {parts.map(({ state, percent }) => (
          <i key={state} data-state={state} style={{ width: `${percent}%` }} />
        ))}
      </div>
      <div className="progress-words num">
        <span>{words.drains.progress(through(counts), total(counts))}</span>
        {!brief &&
          parts.map(({ state, count }) => (
            <span key={state} className="dim">
              <i className="dot" data-state={state} aria-hidden="true" />
              {words.drains.count(count, words.drains.serverStates[state])}
            </span>
          ))}
      </div>
    </div>
  );
}
