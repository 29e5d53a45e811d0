import { CircularProgress } from "@mui/material";
import { useWords } from "../words/use";
import "./Waiting.css";

export function Waiting({ text }: { text?: string }) {
  const words = useWords();
  return (
    <div className="waiting">
      <CircularProgress size={22} aria-hidden="true" />
      <span>{text ?? words.states.loading}</span>
    </div>
  );
}
