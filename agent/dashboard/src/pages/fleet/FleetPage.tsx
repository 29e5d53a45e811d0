import { lazy, Suspense } from "react";
import { useLive, useLiveness, useTotals } from "../../fleet/use";
import { StatusPill } from "../../parts/StatusPill";
import { Waiting } from "../../parts/Waiting";
import type { Key } from "../../fleet/row";

const ServerView = lazy(() => import("../server/ServerView"));

export function FleetPage({ open }: { open?: Key }) {
  const { store } = useLive();
  const liveness = useLiveness();
  useTotals();
  if (!liveness.known) {
    return <Waiting />;
  }
  return (
    <div className="pad">
      {[...store.rows()].slice(0, 100).map((row) => (
        <div key={row.key} aria-current={row.key === open}>
          <StatusPill status={row.status} /> {row.key}
        </div>
      ))}
      {open !== undefined && (
        <Suspense fallback={null}>
          <ServerView name={open} />
        </Suspense>
      )}
    </div>
  );
}
