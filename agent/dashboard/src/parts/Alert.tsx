import type { ReactNode } from "react";
import "./Alert.css";

type Severity = "info" | "warning" | "error";

const paths: Record<Severity, string> = {
  info: "M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM10 9.200v4.800M10 6.200v.300",
  warning: "M10 3 2.500 16.500h15zM10 8v4.500M10 14.300v.300",
  error: "M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM10 6v5M10 13.500v.300",
};

interface Props {
  severity: Severity;
  title?: ReactNode;
  /** Buttons at the right. */
  action?: ReactNode;
  children?: ReactNode;
}

/** What somebody has to know, without MUI: it is there where MUI could not be loaded. */
export function Alert({ severity, title, action, children }: Props) {
  return (
    <div className="alert" role="alert" data-severity={severity}>
      <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.500" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        <path d={paths[severity]} />
      </svg>
      <div className="alert-text">
        {title !== undefined && <div className="alert-title">{title}</div>}
        {children}
      </div>
      {action && <div className="alert-action">{action}</div>}
    </div>
  );
}
