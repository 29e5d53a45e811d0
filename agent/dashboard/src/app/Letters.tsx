import { useId } from "react";
import { useWords } from "../words/use";
import { useLetters } from "./keys";

/** Switches shortcuts of a single character off. */
export function LettersSwitch() {
  const { shell } = useWords();
  const [letters, setLetters] = useLetters();
  const hint = useId();
  return (
    <div className="letters">
      <label>
        <input type="checkbox" checked={letters} aria-describedby={hint} onChange={(event) => setLetters(event.target.checked)} />
        {shell.keyboard.letters}
      </label>
      <small id={hint} className="dim">
        {shell.keyboard.lettersHint}
      </small>
    </div>
  );
}
