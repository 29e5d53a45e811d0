import type { ReactNode } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import { Age } from "../../parts/Age";
import { Copy } from "../../parts/Copy";
import { Sparkline } from "../../parts/Sparkline";
import { StatusPill } from "../../parts/StatusPill";
import type { ServerHistory, ServerRecord } from "../../wire/types";
import { duration } from "../../words/time";
import { useWords } from "../../words/use";
import { useLeads, useSessionCount, type Shown } from "./data";

function Pill({ shown }: { shown: Shown }) {
  const words = useWords();
  // A server that left in good order is not missed: it has no colour.
  return shown.row.gone?.why === "left" ? (
    <span className="status" data-status="unknown">
      {words.server.left}
    </span>
  ) : (
    <StatusPill status={shown.row.status} />
  );
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className="server-fact" data-wide={wide || undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Address({ record }: { record: ServerRecord }) {
  const words = useWords();
  const host = record.host!.includes(":") ? `[${record.host}]` : record.host!;
  const [first, ...others] = record.ports ?? [];
  const text = first === undefined ? host : `${host}:${first}`;
  return (
    <span className="server-address">
      <bdi className="mono server-cut" title={text}>
        {text}
      </bdi>
      {others.length > 0 && (
        <span className="dim" title={others.join(", ")}>
          {words.server.addresses(others.length)}
        </span>
      )}
      <Copy text={text} what={text} />
    </span>
  );
}

function Uptime({ shown, history }: { shown: Shown; history: ServerHistory | null }) {
  const words = useWords();
  const began = Date.parse(shown.row.record.startedAt ?? "");
  if (Number.isNaN(began)) {
    return null;
  }
  const { gone } = shown.row;
  const ended = gone === null ? null : Date.parse(history?.goneAt ?? gone.goneAt);
  return <Fact name={ended === null ? words.server.uptime : words.server.upThen}>{ended === null ? <Age at={began} bare /> : duration(ended - began, words)}</Fact>;
}

function Text({ text }: { text: string }) {
  return (
    <bdi className="server-cut" title={text}>
      {text}
    </bdi>
  );
}

function Load({ shown, history }: { shown: Shown; history: ServerHistory | null }) {
  const words = useWords();
  const { players, capacity } = shown.row.record;
  const share = players !== undefined && capacity ? Math.min(1, players / capacity) : null;
  return (
    <div className="server-load" data-gone={shown.row.gone !== null || undefined}>
      <div className="server-seats">
        <strong className="num">{players === undefined ? words.common.none : words.server.playersOf(players, capacity ?? null)}</strong>
        <span className="dim">{shown.row.gone === null ? words.server.players : words.why.labels.playersThen}</span>
        {share !== null && (
          <span className="server-bar" data-full={share === 1 || undefined} aria-hidden="true">
            <span style={{ width: `${share * 100}%` }} />
          </span>
        )}
      </div>
      <div className="server-spark">{history !== null && <Sparkline values={history.players.values} />}</div>
    </div>
  );
}

function Leads({ shown }: { shown: Shown }) {
  const words = useWords();
  const leads = useLeads(shown.key);
  return leads.length === 0 ? null : (
    <Fact name={words.server.leads} wide={leads.length > 1}>
      <Text text={leads.map(({ scope }) => scope).join(", ")} />
    </Fact>
  );
}

function Sessions({ shown }: { shown: Shown }) {
  const words = useWords();
  const sessions = useSessionCount(shown.key);
  return sessions === null ? null : (
    <Fact name={words.server.sessions}>
      <Link href={`${places.sessions}?server=${encodeURIComponent(shown.key)}`}>{words.server.sessionsOf(sessions.count, sessions.more)}</Link>
    </Fact>
  );
}

/** What one wants to know of any server, whatever its status. */
export function Head({ shown, history }: { shown: Shown; history: ServerHistory | null }) {
  const words = useWords();
  const { record } = shown.row;
  const map = record.labels?.map;
  return (
    <header className="server-head">
      <div className="server-title">
        <Pill shown={shown} />
        <h2 title={shown.key}>
          <bdi>
            <span className="dim">{record.type}/</span>
            {record.id}
          </bdi>
        </h2>
        <Copy text={shown.key} what={shown.key} />
      </div>
      <Load shown={shown} history={history} />
      <dl className="server-facts">
        {record.host !== undefined && (
          <Fact name={words.server.address}>
            <Address record={record} />
          </Fact>
        )}
        {record.zone !== undefined && (
          <Fact name={words.server.zone}>
            <Text text={record.zone} />
          </Fact>
        )}
        {record.version !== undefined && (
          <Fact name={words.server.version}>
            <Text text={record.version} />
          </Fact>
        )}
        {map !== undefined && (
          <Fact name={words.server.map}>
            <Text text={map} />
          </Fact>
        )}
        <Uptime shown={shown} history={history} />
        <Leads shown={shown} />
        <Sessions shown={shown} />
      </dl>
    </header>
  );
}
