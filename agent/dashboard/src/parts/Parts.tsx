import { serverNow } from "../wire/clock";
import { span, type Part } from "../words/parts";
import { duration } from "../words/time";
import { useWords } from "../words/use";
import { useSecond } from "./Age";

function Ticking({ part }: { part: { since: number } | { until: number } }) {
  useSecond();
  const words = useWords();
  return <span className="num">{duration(span(part, serverNow()), words)}</span>;
}

/** A sentence. What others wrote is isolated, so that it cannot turn the direction of ours. */
export function Parts({ parts }: { parts: readonly Part[] }) {
  const words = useWords();
  return parts.map((part, index) => {
    if (typeof part === "string") {
      return part;
    }
    if ("said" in part) {
      return <bdi key={index}>{part.said}</bdi>;
    }
    return "ms" in part ? (
      <span key={index} className="num">
        {duration(part.ms, words)}
      </span>
    ) : (
      <Ticking key={index} part={part} />
    );
  });
}
