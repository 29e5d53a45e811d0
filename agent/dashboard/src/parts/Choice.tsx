import { useId } from "react";
import "./Choice.css";

interface Props<T extends string> {
  legend: string;
  /** Whether the legend is for screen readers alone. */
  bare?: boolean;
  value: T;
  options: readonly { value: T; text: string; lang?: string }[];
  onChange(value: T): void;
}

/** One of a few, all of which are seen. */
export function Choice<T extends string>({ legend, bare = false, value, options, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend className={bare ? "unseen" : undefined}>{legend}</legend>
      <div className="choice-options">
        {options.map((each) => (
          <label key={each.value} lang={each.lang}>
            <input type="radio" name={name} checked={each.value === value} onChange={() => onChange(each.value)} />
            <span>{each.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
