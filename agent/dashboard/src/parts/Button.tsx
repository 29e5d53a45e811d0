import type { ButtonHTMLAttributes } from "react";
import "./Button.css";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: "text" | "outlined" | "contained";
  size?: "small" | "medium";
  /** What it does is under way: it says so, and cannot be pressed again. */
  loading?: boolean;
}

/** A button without MUI, which looks as MUI's: MUI is not in the first load. A link takes the class `button` and data-variant. */
export function Button({ variant = "text", size = "small", loading = false, className, disabled, children, ...rest }: Props) {
  return (
    <button
      type="button"
      className={className === undefined ? "button" : `button ${className}`}
      data-variant={variant}
      data-size={size}
      data-loading={loading || undefined}
      disabled={disabled || loading}
      {...rest}
    >
      {children}
      {loading && <span className="button-turn" aria-hidden="true" />}
    </button>
  );
}
