import { Alert, Button, Tab, Tabs } from "@mui/material";
import { useId, useRef, useState, type KeyboardEvent } from "react";
import { useLocation, useSearch } from "wouter";
import { useShortcuts } from "../../app/keys";
import { places } from "../../app/places";
import type { Key } from "../../fleet/row";
import { useLiveness, useRow } from "../../fleet/use";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import type { ServerHistory } from "../../wire/types";
import { useWords } from "../../words/use";
import { Actions } from "./Actions";
import { Commands, useCommands } from "./Commands";
import { rowOfHistory, useHistory, type Shown } from "./data";
import { Head } from "./Head";
import { RawTab } from "./RawTab";
import { RecordTab } from "./RecordTab";
import { TimelineTab } from "./TimelineTab";
import { useDrawer } from "./useDrawer";
import { WhyTab } from "./WhyTab";
import "./ServerView.css";

const TABS = ["why", "timeline", "record", "raw"] as const;
type TabName = (typeof TABS)[number];

function firstTab(): TabName {
  const wanted = window.location.hash.slice(1);
  return TABS.find((each) => each === wanted) ?? "why";
}

function Body({ shown, history, historyError }: { shown: Shown; history: ServerHistory | null; historyError: unknown }) {
  const words = useWords();
  const id = useId();
  const [tab, setTab] = useState(firstTab);
  const choose = (next: TabName) => {
    setTab(next);
    window.history.replaceState(window.history.state, "", next === "why" ? window.location.pathname + window.location.search : `#${next}`);
  };
  return (
    <>
      <Tabs className="server-tabs" value={tab} onChange={(_, next: TabName) => choose(next)} aria-label={words.server.region(shown.key)} variant="scrollable" scrollButtons={false}>
        {TABS.map((each) => (
          <Tab key={each} value={each} label={words.server.tabs[each]} id={`${id}-${each}`} aria-controls={`${id}-panel`} />
        ))}
      </Tabs>
      <div className="server-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`} tabIndex={0}>
        {shown.row.gone !== null && (tab === "record" || tab === "raw") && (
          <Alert severity="info">{shown.row.gone.record === null ? words.server.noRecord : words.server.lastRecord}</Alert>
        )}
        {tab === "why" && <WhyTab shown={shown} history={history} historyError={historyError} />}
        {tab === "timeline" && <TimelineTab shown={shown} history={history} historyError={historyError} />}
        {tab === "record" && <RecordTab record={shown.row.record} />}
        {tab === "raw" && <RawTab record={shown.row.record} />}
      </div>
    </>
  );
}

/** What can be said of a server of which nothing is known. */
function NotKnown({ name }: { name: Key }) {
  const words = useWords();
  const [, navigate] = useLocation();
  return (
    <div className="server-unknown">
      <h2 tabIndex={-1} data-first-focus>
        <bdi>{words.server.notKnownTitle(name)}</bdi>
      </h2>
      <p>{words.server.notKnown}</p>
      <ul>
        {words.server.notKnownHints.map((hint) => (
          <li key={hint}>{hint}</li>
        ))}
      </ul>
      <Button variant="outlined" onClick={() => navigate(`${places.fleet}?q=${encodeURIComponent(name.slice(name.indexOf("/") + 1))}`)}>
        {words.server.findIt}
      </Button>
    </div>
  );
}

function Content({ name }: { name: Key }) {
  const liveness = useLiveness();
  const row = useRow(name);
  const query = useHistory(name);
  const commands = useCommands();
  const history = query.data ?? null;
  const pastRow = row === undefined && history !== null ? rowOfHistory(history) : null;
  const known = row ?? pastRow;
  if (known == null) {
    if (query.error?.code === "no_such_service" && liveness.known) {
      return <NotKnown name={name} />;
    }
    if (query.error !== null && liveness.known && !query.isFetching) {
      return <Trouble error={query.error} retry={() => void query.refetch()} />;
    }
    return <Waiting />;
  }
  const shown: Shown = { key: name, row: known, past: row === undefined };
  return (
    <>
      <Head shown={shown} history={history} />
      <Body shown={shown} history={history} historyError={history === null ? query.error : null} />
      <Commands commands={commands} />
      <Actions shown={shown} onSent={commands.add} />
    </>
  );
}

const SCROLLS = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

/** Keys that scroll what has the focus are not for the table behind. */
function keepScrolling(event: KeyboardEvent): void {
  if (SCROLLS.has(event.key)) {
    event.stopPropagation();
  }
}

/** One server over the fleet: a drawer beside the table, or the whole page of a phone. */
export default function ServerView({ name }: { name: Key }) {
  const words = useWords();
  const [, navigate] = useLocation();
  const search = useSearch();
  const frame = useRef<HTMLElement>(null);
  const close = () => navigate(search === "" ? places.fleet : `${places.fleet}?${search}`);
  useDrawer(frame, name);
  useShortcuts([{ keys: "Escape", inFields: true, run: close }]);
  return (
    <div className="server-rail">
      <section className="server" ref={frame} tabIndex={-1} onKeyDown={keepScrolling} aria-label={words.server.region(name)}>
        <button type="button" className="server-close" onClick={close} aria-label={words.server.close} title={words.server.close}>
          <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.700" strokeLinecap="round" aria-hidden="true">
            <path className="server-cross" d="M4 4l8 8M12 4l-8 8" />
            <path className="server-back" d="M10 3 5 8l5 5" />
          </svg>
          <span className="server-back">{words.server.back}</span>
        </button>
        <Content key={name} name={name} />
      </section>
    </div>
  );
}
