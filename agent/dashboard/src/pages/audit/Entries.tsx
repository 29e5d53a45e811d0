import { useState } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import type { AuditEntry } from "../../wire/types";
import { moment } from "../../words/time";
import { useSpoken } from "../../words/use";
import { pageOfTarget } from "./query";
import { useWords } from "./words";

const paths = { ok: "M3 8.500 6.500 12 13 4.500", refused: "M4 12 12 4M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2", failed: "M4 4l8 8M12 4l-8 8" };
const colours = { ok: "ready", refused: "shutting_down", failed: "error" };

function Outcome({ entry }: { entry: AuditEntry }) {
  const { audit } = useWords();
  return (
    <span className="status" data-status={colours[entry.outcome] ?? "unknown"}>
      <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        <path d={paths[entry.outcome] ?? ""} />
      </svg>
      {audit.outcomes[entry.outcome] ?? entry.outcome}
    </span>
  );
}

function Target({ entry }: { entry: AuditEntry }) {
  const page = pageOfTarget(entry);
  if (entry.target === undefined) {
    return null;
  }
  return page === null ? (
    <bdi className="mono audit-cut" title={entry.target}>
      {entry.target}
    </bdi>
  ) : (
    <Link className="mono audit-cut audit-link" href={"server" in page ? places.server(page.server) : places.drain(page.drain)} title={entry.target}>
      {entry.target}
    </Link>
  );
}

/** `old`: of the filters of before, while the new ones are read. */
export function Entries({ entries, old, none }: { entries: AuditEntry[]; old: boolean; none: string }) {
  const { audit } = useWords();
  const { columns } = audit;
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string) => {
    const next = new Set(open);
    if (!next.delete(id)) {
      next.add(id);
    }
    setOpen(next);
  };
  if (entries.length === 0) {
    return <p className="audit-none dim">{none}</p>;
  }
  return (
    <table className="audit-table" data-old={old ? "" : undefined} aria-busy={old}>
      <thead>
        <tr>
          <th>{columns.when}</th>
          <th>{columns.who}</th>
          <th>{columns.what}</th>
          <th>{columns.target}</th>
          <th>{columns.outcome}</th>
          <th>{columns.reason}</th>
          <th>
            <span className="unseen">{audit.details}</span>
          </th>
        </tr>
      </thead>
      {entries.map((entry) => (
        <Entry key={entry.id} entry={entry} open={open.has(entry.id)} toggle={() => toggle(entry.id)} />
      ))}
    </table>
  );
}

function Entry({ entry, open, toggle }: { entry: AuditEntry; open: boolean; toggle(): void }) {
  const { audit } = useWords();
  const { language } = useSpoken();
  const at = Date.parse(entry.when);
  const today = new Date(at).toDateString() === new Date().toDateString();
  const short = new Intl.DateTimeFormat(language, { ...(today ? {} : { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at);
  const said = [entry.code, entry.reason].filter((each) => each !== undefined && each !== "").join(": ");
  return (
    <tbody data-open={open ? "" : undefined}>
      <tr onClick={(event) => (event.target as Element).closest("a, button") === null && window.getSelection()?.isCollapsed !== false && toggle()}>
        <td>
          <time dateTime={entry.when} title={moment(at, language)} className="num">
            {short}
          </time>
        </td>
        <td>{entry.who === null ? <span className="dim">{audit.nobody}</span> : <bdi className="audit-cut" title={entry.who}>{entry.who}</bdi>}</td>
        <td>
          <span className="audit-cut" title={entry.what}>
            {audit.whats[entry.what] ?? entry.what}
          </span>
          {entry.count !== undefined && entry.count > 1 && <small className="dim"> {audit.times(entry.count)}</small>}
        </td>
        <td>
          <Target entry={entry} />
        </td>
        <td>
          <Outcome entry={entry} />
        </td>
        <td>
          <bdi className="audit-cut" title={said}>
            {said}
          </bdi>
        </td>
        <td>
          <button type="button" className="audit-more" aria-expanded={open} aria-label={`${audit.details}: ${audit.whats[entry.what] ?? entry.what}, ${short}`} onClick={toggle}>
            <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
              <path d={open ? "M4 10l4-4 4 4" : "M4 6l4 4 4-4"} />
            </svg>
          </button>
        </td>
      </tr>
      {open && (
        <tr className="audit-details">
          <td colSpan={7}>
            <Details entry={entry} />
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** All members, those that this page does not know as well. */
function Details({ entry }: { entry: AuditEntry }) {
  const { audit } = useWords();
  const members = Object.entries(entry).filter(([, value]) => value !== undefined && value !== null);
  return (
    <dl>
      {members.map(([name, value]) => (
        <div key={name}>
          <dt>{audit.members[name] ?? name}</dt>
          <dd className={name === "reason" ? undefined : "mono"}>
            <bdi>{typeof value === "object" ? JSON.stringify(value) : String(value)}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}
