import { Alert, Button } from "@mui/material";
import { useState } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import { shownStatus } from "../../fleet/row";
import { StatusPill } from "../../parts/StatusPill";
import type { Plan, PlanChange } from "../../wire/drains";
import { planTotals } from "./model";
import { SeatChart } from "./SeatChart";
import { useWords } from "./words";

/** What a drain would do: nothing has happened yet. */
export function Preview({ plan }: { plan: Plan }) {
  const { plan: says } = useWords().drains;
  const sums = planTotals(plan);
  const warnings = [
    ...(sums.below > 0 ? [says.below(sums.below, plan.freeSeats)] : []),
    ...(sums.unknown > 0 ? [says.unknown(sums.unknown)] : []),
    ...(sums.warned > sums.unknown ? [says.warned(sums.warned)] : []),
  ];
  return (
    <>
      <p className="drain-total num">{says.total(sums.servers, sums.waves, sums.players)}</p>
      {warnings.length > 0 && (
        <Alert severity="warning">
          {warnings.map((each) => (
            <p key={each}>{each}</p>
          ))}
        </Alert>
      )}
      <SeatChart waves={plan.waves} floor={plan.freeSeats} />
      <Waves plan={plan} />
    </>
  );
}

const SERVERS_SHOWN = 60;

function Waves({ plan }: { plan: Plan }) {
  const words = useWords();
  const { plan: says } = words.drains;
  const [all, setAll] = useState(false);
  const shown = all ? plan.servers : plan.servers.slice(0, SERVERS_SHOWN);
  return (
    <>
      <div className="drain-scroll" tabIndex={0} role="region" aria-label={says.servers}>
        <table>
          <thead>
            <tr>
              <th>{says.wave}</th>
              <th>{says.servers}</th>
              <th>{says.status}</th>
              <th>{says.zone}</th>
              <th className="right">{says.players}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((server, index) => (
              <PlannedRow key={server.server} plan={plan} index={index} />
            ))}
          </tbody>
        </table>
      </div>
      {plan.servers.length > SERVERS_SHOWN && (
        <Button onClick={() => setAll(!all)}>{all ? words.drains.showFewer : words.drains.showAll(plan.servers.length)}</Button>
      )}
      <p className="dim">{says.list(plan.servers.length)}</p>
    </>
  );
}

function PlannedRow({ plan, index }: { plan: Plan; index: number }) {
  const words = useWords();
  const server = plan.servers[index]!;
  const first = index === 0 || plan.servers[index - 1]!.wave !== server.wave;
  return (
    <>
      <tr data-why={server.warnings.length > 0 ? "" : undefined}>
        <td className="num">{first ? server.wave : <span className="unseen">{server.wave}</span>}</td>
        <td>
          <Link href={places.server(server.server)} className="mono drain-server" title={server.server}>
            {server.server}
          </Link>
        </td>
        <td>
          <StatusPill status={shownStatus(server.status)} />
        </td>
        <td>
          <bdi>{server.zone ?? words.common.none}</bdi>
        </td>
        <td className="right num">{server.players ?? words.common.none}</td>
      </tr>
      {server.warnings.length > 0 && (
        <tr className="drain-why">
          <td />
          <td colSpan={4}>{server.warnings.map((each) => words.drains.warnings[each] ?? each).join("; ")}</td>
        </tr>
      )}
    </>
  );
}

/** What is another than in the plan that was to begin, and the way to look at the new one. */
export function Changed({ changes, busy, look }: { changes: PlanChange[]; busy: boolean; look(): void }) {
  const words = useWords();
  const { changed, columns } = words.drains;
  return (
    <Alert severity="warning" className="drain-changed">
      <strong>{changed.title}</strong>
      <p>{changes.length === 0 ? changed.unknown : changed.hint}</p>
      {changes.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>{columns.server}</th>
              <th>{changed.was}</th>
              <th>{changed.is}</th>
            </tr>
          </thead>
          <tbody>
            {changes.slice(0, 100).map((each) => (
              <tr key={each.server}>
                <td className="mono">
                  <bdi>{each.server}</bdi>
                </td>
                <td>{each.was ?? changed.absent}</td>
                <td>{each.is ?? changed.absent}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Button variant="contained" onClick={look} disabled={busy} autoFocus>
        {changed.look}
      </Button>
    </Alert>
  );
}
