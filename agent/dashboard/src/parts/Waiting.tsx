import { useWords } from "../words/use";
import "./Waiting.css";

export function Waiting({ text }: { text?: string }) {
  const words = useWords();
  return (
    <div className="waiting">
      <span className="waiting-turn" aria-hidden="true" />
      <span>{text ?? words.states.loading}</span>
    </div>
  );
}
