import type { ShownStatus } from "../fleet/row";
import { useWords } from "../words/use";

// Shapes that differ without their colours.
const paths: Record<ShownStatus, string> = {
  ready: "M3 8.500 6.500 12 13 4.500",
  error: "M4 4l8 8M12 4l-8 8",
  draining: "M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3 13.500h10",
  initializing: "M8 2a6 6 0 1 1-6 6",
  shutting_down: "M8 2v6M4.800 4.500a5 5 0 1 0 6.400 0",
  offline: "M2.500 13.500l11-11M4 8a5.500 5.500 0 0 1 6-2M12.500 8.500a6 6 0 0 1-1 3.500M6 12.500h.500",
  unknown: "M5.500 6a2.500 2.500 0 1 1 3.500 2.300c-.700.400-1 .900-1 1.700M8 13v.200",
};

export function iconPath(status: ShownStatus): string {
  return paths[status];
}

export function StatusIcon({ status }: { status: ShownStatus }) {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={paths[status]} />
    </svg>
  );
}

export function StatusPill({ status }: { status: ShownStatus }) {
  const words = useWords();
  return (
    <span className="status" data-status={status}>
      <StatusIcon status={status} />
      {words.statuses[status]}
    </span>
  );
}
