import { Alert, AlertTitle, Button, TextField } from "@mui/material";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { useShortcuts } from "../../app/keys";
import { places } from "../../app/places";
import { Age } from "../../parts/Age";
import { useRight } from "../../parts/NeedsRole";
import { StatusIcon } from "../../parts/StatusPill";
import { Trouble } from "../../parts/Trouble";
import { useAgent } from "../../parts/useAgent";
import { Waiting } from "../../parts/Waiting";
import { ApiError } from "../../wire/http";
import type { Session } from "../../wire/types";
import { useSpoken } from "../../words/use";
import { useSessions, type Search } from "./data";
import { EndSession } from "./EndSession";
import { useSessionWords } from "./words";

function State({ state }: { state: Session["state"] }) {
  const words = useSessionWords();
  const orphaned = state === "orphaned";
  return (
    <span className="status" data-status={orphaned ? "offline" : "ready"} title={orphaned ? words.orphanedHint : undefined}>
      <StatusIcon status={orphaned ? "offline" : "ready"} />
      {words.states[state] ?? state}
    </span>
  );
}

function Row({ session, end }: { session: Session; end(): void }) {
  const words = useSessionWords();
  const { may } = useRight("place");
  const data = JSON.stringify(session.data);
  return (
    <tr>
      <th scope="row">
        <bdi title={session.player}>{session.player}</bdi>
        <small className="mono dim" title={session.id}>
          {session.id}
        </small>
      </th>
      <td>
        <Link href={places.server(session.server)} className="sessions-link">
          <bdi>{session.server}</bdi>
        </Link>
      </td>
      <td>
        <State state={session.state} />
      </td>
      <td data-label={words.created}>
        <Age at={Date.parse(session.createdAt)} />
      </td>
      <td data-label={words.touched}>
        <Age at={Date.parse(session.touchedAt)} />
      </td>
      <td data-label={words.expires}>
        <Age at={Date.parse(session.expiresAt)} />
      </td>
      <td className="mono sessions-data">
        <bdi title={data}>{data === "{}" ? "" : data}</bdi>
      </td>
      <td className="sessions-act">
        {may && (
          <Button aria-label={words.end(session.player)} color="error" onClick={end}>
            {words.endShort}
          </Button>
        )}
      </td>
    </tr>
  );
}

function Summary() {
  const words = useSessionWords();
  const { language } = useSpoken();
  const kept = useAgent().data?.sessions;
  const number = (value: number) => value.toLocaleString(language);
  if (kept === undefined || kept === null) {
    return null;
  }
  return kept.up ? (
    <span className="dim num">
      {words.counts(number(kept.active), number(kept.orphaned), number(kept.max))} · {words.store(kept.store)}
    </span>
  ) : (
    <bdi className="sessions-missing">{words.storeAway(kept.lastError ?? "–")}</bdi>
  );
}

function SearchForm({ search, go }: { search: Search; go(search: Search): void }) {
  const words = useSessionWords();
  const [typed, type] = useState(search);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => type(search), [search.player, search.server]);
  useShortcuts([{ keys: "/", does: words.search, run: () => field.current?.focus() }]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go({ player: typed.player, server: typed.server.trim() });
  };
  return (
    <form className="sessions-search" role="search" onSubmit={submit}>
      <TextField
        inputRef={field}
        label={words.player}
        helperText={words.playerHint}
        value={typed.player}
        onChange={(event) => type({ ...typed, player: event.target.value })}
        slotProps={{ htmlInput: { spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
      />
      <TextField
        label={words.server}
        helperText={words.serverHint}
        value={typed.server}
        onChange={(event) => type({ ...typed, server: event.target.value })}
        slotProps={{ htmlInput: { spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
      />
      <Button type="submit" variant="outlined">
        {words.search}
      </Button>
      {(search.player !== "" || search.server !== "") && <Button onClick={() => go({ player: "", server: "" })}>{words.clear}</Button>}
    </form>
  );
}

function List({ search }: { search: Search }) {
  const words = useSessionWords();
  const { words: all, language } = useSpoken();
  const list = useSessions(search);
  const { may, takes } = useRight("place");
  const [ends, end] = useState<Session | null>(null);
  if (list.data === undefined) {
    if (list.error instanceof ApiError && list.error.code === "sessions_off") {
      return (
        <Alert severity="info">
          <AlertTitle>{words.off}</AlertTitle>
          {words.offHint}
        </Alert>
      );
    }
    return list.error === null ? <Waiting text={all.shell.connectingTo} /> : <Trouble error={list.error} retry={() => void list.refetch()} />;
  }
  const sessions = list.data.pages.flatMap((each) => each.sessions);
  return (
    <>
      {list.error !== null && <Trouble error={list.error} retry={() => void list.refetch()} />}
      {sessions.length === 0 ? (
        <p className="sessions-none dim">{search.player === "" && search.server === "" ? words.none : words.noneFor}</p>
      ) : (
        <div className="sessions-table" tabIndex={0} role="group" aria-label={words.sessions}>
          <table>
            <thead>
              <tr>
                {[words.player, words.server, words.state, words.created, words.touched, words.expires, words.data].map((each) => (
                  <th key={each} scope="col">
                    {each}
                  </th>
                ))}
                <td />
              </tr>
            </thead>
            <tbody>
              {sessions.map((each) => (
                <Row key={each.id} session={each} end={() => end(each)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {sessions.length > 0 && (
        <p className="sessions-more">
          <span className="dim num">{words.shown(sessions.length.toLocaleString(language), list.hasNextPage)}</span>
          {list.hasNextPage && (
            <Button variant="outlined" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {words.more}
            </Button>
          )}
        </p>
      )}
      {!may && sessions.length > 0 && <p className="dim">{words.endNeeds(takes)}</p>}
      {ends !== null && <EndSession session={ends} close={() => end(null)} />}
    </>
  );
}

export function Sessions() {
  const words = useSessionWords();
  const [, navigate] = useLocation();
  const parameters = new URLSearchParams(useSearch());
  const search: Search = { player: parameters.get("player") ?? "", server: parameters.get("server") ?? "" };
  const go = ({ player, server }: Search) => {
    const next = new URLSearchParams({ ...(player === "" ? {} : { player }), ...(server === "" ? {} : { server }) }).toString();
    navigate(next === "" ? places.sessions : `${places.sessions}?${next}`);
  };
  return (
    <section aria-labelledby="sessions">
      <div className="sessions-title">
        <h2 id="sessions">{words.sessions}</h2>
        <Summary />
      </div>
      <SearchForm search={search} go={go} />
      <List search={search} />
    </section>
  );
}
