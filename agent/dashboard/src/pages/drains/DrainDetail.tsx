import { Alert, Button } from "@mui/material";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import { useLiveness, useRow } from "../../fleet/use";
import { Age, useSecond } from "../../parts/Age";
import { StatusPill } from "../../parts/StatusPill";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import { serverNow } from "../../wire/clock";
import type { DrainServer, ManyDrain } from "../../wire/drains";
import { ApiError } from "../../wire/http";
import { duration } from "../../words/time";
import { useDrain, useDrainFeed } from "./data";
import { DrainPill } from "./DrainPill";
import { isOver, through, total, waitsOf, wavesOf, type Waits, type WaveOf } from "./model";
import { Orders } from "./Orders";
import { Progress } from "./Progress";
import { useWords, type WordsOfDrains } from "./words";

export function DrainDetail({ id }: { id: string }) {
  const words = useWords();
  const drain = useDrain(id);
  useDrainFeed(id);
  const absent = drain.error instanceof ApiError && drain.error.status === 404;
  const off = drain.error instanceof ApiError && drain.error.code === "no_drains";
  return (
    <div className="pad drains">
      <Link href={places.drains} className="drains-back">
        {words.drains.back}
      </Link>
      {drain.data === undefined && drain.isPending && <Waiting text={words.drains.loading} />}
      {drain.data === undefined && <h1>{words.drains.one}</h1>}
      {absent ? <Alert severity="info">{off ? words.drains.off : words.drains.noSuch}</Alert> : drain.error !== null && <Trouble error={drain.error} retry={() => void drain.refetch()} />}
      {drain.data !== undefined && !absent && <One drain={drain.data} />}
    </div>
  );
}

function One({ drain }: { drain: ManyDrain }) {
  const words = useWords();
  return (
    <>
      <div className="drains-head">
        <div className="drain-title">
          <h1>
            <bdi>{drain.reason || words.drains.noReason}</bdi>
          </h1>
          <div className="drain-facts dim">
            <DrainPill drain={drain} />
            <bdi>{drain.by}</bdi>
            <Age at={Date.parse(drain.createdAt)} />
            <span className="num">{words.drains.waveOf(drain.atWave, drain.waves)}</span>
          </div>
        </div>
        <Orders drain={drain} />
      </div>
      <section className="panel">
        <Progress counts={drain.counts} />
        <WaitsFor drain={drain} />
        <p className="dim drain-holds">{words.drains.holds(drain.holds)}</p>
      </section>
      <div className="drain-columns">
        <div className="drain-waves">
          {wavesOf(drain.servers ?? []).map((wave) => (
            <Wave key={wave.wave} drain={drain} wave={wave} />
          ))}
        </div>
        <Spec drain={drain} />
      </div>
    </>
  );
}

function WaitsFor({ drain }: { drain: ManyDrain }) {
  const words = useWords();
  const waits = waitsOf(drain);
  useSecond();
  if (waits.length === 0) {
    return null;
  }
  return (
    <div className="drain-waits" data-kind={waits[0]!.kind}>
      <span className="unseen">{words.drains.waits.title}: </span>
      {waits.map((each) => (
        <p key={each.kind}>{sentence(each, words)}</p>
      ))}
    </div>
  );
}

function sentence(waits: Waits, words: WordsOfDrains): string {
  const says = words.drains.waits;
  switch (waits.kind) {
    case "told":
      return waits.text;
    case "players":
      return says.players(waits.servers, waits.players, waits.unknown);
    case "settle":
      return says.settle(waits.servers, waits.settle);
    case "maxDraining":
      return says.maxDraining(waits.next, waits.most);
    case "freeSeats":
      return says.freeSeats(waits.next, waits.floor);
    case "pause":
      return waits.until > serverNow() ? says.pause(duration(waits.until - serverNow(), words)) : says.pauseOver;
    case "stopped":
      return says.stopped(waits.why);
    default:
      return says[waits.kind];
  }
}

const SHOWN_OF_WAVE = 50;

function Wave({ drain, wave }: { drain: ManyDrain; wave: WaveOf }) {
  const words = useWords();
  const [all, setAll] = useState(false);
  const ended = through(wave.counts) === total(wave.counts);
  const state = ended ? "over" : wave.wave === drain.atWave && !isOver(drain.state) ? "now" : "next";
  const shown = all ? wave.servers : wave.servers.slice(0, SHOWN_OF_WAVE);
  return (
    <section className="panel drain-wave" data-wave={state} aria-label={words.drains.wave(wave.wave)}>
      <header>
        <h2>{words.drains.wave(wave.wave)}</h2>
        {!isOver(drain.state) && <span className="drain-wave-state">{words.drains.waveState[state]}</span>}
        <Progress counts={wave.counts} brief />
      </header>
      <table>
        <thead>
          <tr>
            <th>{words.drains.columns.server}</th>
            <th>{words.drains.columns.state}</th>
            <th>{words.drains.columns.now}</th>
            <th className="right">{words.drains.columns.players}</th>
            <th className="right">{words.drains.columns.since}</th>
            <th className="right">{words.drains.columns.deadline}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((server) => (
            <Server key={server.server} server={server} />
          ))}
        </tbody>
      </table>
      {wave.servers.length > SHOWN_OF_WAVE && (
        <Button onClick={() => setAll(!all)}>{all ? words.drains.showFewer : words.drains.showAll(wave.servers.length)}</Button>
      )}
    </section>
  );
}

/** On a phone a cell that has nothing is left out. */
function Moment({ name, at, bare = false }: { name: string; at: string | undefined; bare?: boolean }) {
  return (
    <td data-label={name} data-none={at === undefined ? "" : undefined} className="right">
      <Age at={at === undefined ? null : Date.parse(at)} bare={bare} />
    </td>
  );
}

function Server({ server }: { server: DrainServer }) {
  const words = useWords();
  const row = useRow(server.server);
  const { known } = useLiveness();
  const { columns } = words.drains;
  return (
    <>
      <tr data-why={server.why === undefined ? undefined : ""}>
        <td>
          <Link href={places.server(server.server)} className="mono drain-server" title={server.server}>
            {server.server}
          </Link>
        </td>
        <td data-label={columns.state}>
          <span className="drain-state">
            <i className="dot" data-state={server.state} aria-hidden="true" />
            {words.drains.serverStates[server.state] ?? server.state}
            {server.held && <small className="drain-held">{words.drains.held}</small>}
          </span>
        </td>
        <td data-label={columns.now}>{row !== undefined ? <StatusPill status={row.status} /> : known && <span className="dim">{words.drains.serverStates.gone}</span>}</td>
        <td data-label={columns.players} className="right num">
          {(row?.gone === null ? row.record.players : undefined) ?? words.common.none}
        </td>
        <Moment name={columns.since} at={server.since} bare />
        <Moment name={columns.deadline} at={server.state === "draining" ? server.deadline : undefined} />
      </tr>
      {server.why !== undefined && (
        <tr className="drain-why">
          <td colSpan={6}>
            <bdi>{server.why}</bdi>
          </td>
        </tr>
      )}
    </>
  );
}

/** `long`: its value takes a line of its own. */
function Fact({ name, long = false, children }: { name: string; long?: boolean; children: ReactNode }) {
  return (
    <div data-long={long ? "" : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Spec({ drain }: { drain: ManyDrain }) {
  const { spec } = useWords().drains;
  return (
    <section className="panel drain-spec" aria-label={spec.title}>
      <h2>{spec.title}</h2>
      <dl>
        <Fact name={spec.chosen} long>
          {drain.filter === undefined ? spec.named(total(drain.counts)) : <bdi className="mono">{decodeFilter(drain.filter)}</bdi>}
        </Fact>
        <Fact name={spec.size}>{drain.wave.size}</Fact>
        <Fact name={spec.maxDraining}>{drain.maxDraining ?? spec.asWave}</Fact>
        <Fact name={spec.freeSeats}>{drain.freeSeats === 0 ? spec.none : drain.freeSeats}</Fact>
        <Fact name={spec.keepOne}>{drain.keepOne ? spec.yes : spec.no}</Fact>
        <Fact name={spec.pause}>{drain.pause ?? spec.none}</Fact>
        <Fact name={spec.settle}>{drain.settle ?? spec.none}</Fact>
        <Fact name={spec.deadline}>{drain.deadline ?? spec.none}</Fact>
        <Fact name={spec.stopAfter}>{spec.errors(drain.onError.stopAfter)}</Fact>
        <Fact name={spec.then} long>{spec[drain.then]}</Fact>
        <Fact name={spec.id} long>
          <span className="mono">{drain.id}</span>
        </Fact>
      </dl>
    </section>
  );
}

/** "type=world&zone=kr-a" as a text to read. */
function decodeFilter(filter: string): string {
  return [...new URLSearchParams(filter)].map(([name, value]) => `${name}:${value}`).join(" ");
}
