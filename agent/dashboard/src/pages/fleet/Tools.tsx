import { memo, useEffect, useRef, useState, useSyncExternalStore, type KeyboardEvent, type RefObject } from "react";
import { later, Over } from "../../app/later";
import { parseFilter, type Filter } from "../../fleet/filter";
import type { FleetView } from "../../fleet/view";
import { Button } from "../../parts/Button";
import { grouped } from "../../words/time";
import { useSpoken, useWords } from "../../words/use";
import { Facets } from "./Facets";
import type { Address } from "./address";
import { groupName } from "./groupName";

const ViewMenu = later(() => import("./ViewMenu"));

const TYPING_MS = 150;

interface Props {
  view: FleetView;
  address: Address;
  change(part: Partial<Address>): void;
  paused: boolean;
  onPause(): void;
  onMenu(open: boolean): void;
  cards: boolean;
  labels: readonly string[];
  box: RefObject<HTMLInputElement | null>;
}

/** What is typed goes into the address after a moment; what comes from the address goes into the box. */
function Search({ filter, onFilter, box }: { filter: Filter; onFilter(text: string): void; box: RefObject<HTMLInputElement | null> }) {
  const words = useWords();
  const [draft, setDraft] = useState(filter.text);
  const timer = useRef<number | undefined>(undefined);
  const sent = useRef(filter.text);
  useEffect(() => {
    if (filter.text !== sent.current) {
      sent.current = filter.text;
      setDraft(filter.text);
    }
  }, [filter.text]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const send = (text: string) => {
    window.clearTimeout(timer.current);
    sent.current = text.trim();
    onFilter(sent.current);
  };
  const keys = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) {
      return;
    }
    if (event.key === "Escape") {
      event.preventDefault();
      if (draft !== "") {
        setDraft("");
        send("");
      } else {
        event.currentTarget.blur();
      }
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      send(draft);
      document.querySelector<HTMLElement>(".fleet .table")?.focus();
    }
  };
  return (
    <div className="search">
      <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.500" aria-hidden="true">
        <path d="M7 2.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9zM10.300 10.300l3.700 3.700" />
      </svg>
      <input
        ref={box}
        type="text"
        role="searchbox"
        inputMode="search"
        enterKeyHint="search"
        aria-label={words.fleet.search}
        aria-description={words.fleet.searchHint}
        placeholder={words.fleet.searchHint}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        value={draft}
        onKeyDown={keys}
        onChange={(event) => {
          const text = event.target.value;
          setDraft(text);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => send(text), TYPING_MS);
        }}
      />
      {draft !== "" && (
        <button
          type="button"
          aria-label={words.fleet.clearFilter}
          title={words.fleet.clearFilter}
          onClick={() => {
            setDraft("");
            send("");
            box.current?.focus();
          }}
        >
          ×
        </button>
      )}
    </div>
  );
}

function View({ address, change, onMenu, cards, labels }: Pick<Props, "address" | "change" | "onMenu" | "cards" | "labels">) {
  const words = useWords();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { group } = address.order;
  const toggle = (open: HTMLElement | null) => {
    setAnchor(open);
    onMenu(open !== null);
  };
  return (
    <>
      <Button aria-haspopup="menu" aria-expanded={anchor !== null} onClick={(event) => toggle(event.currentTarget)} className="tool" data-on={group !== "" || undefined}>
        {group === "" ? words.fleet.view : `${words.fleet.groupBy}: ${groupName(group, words)}`}
      </Button>
      {anchor !== null && (
        <Over close={() => toggle(null)}>
          <ViewMenu anchor={anchor} close={() => toggle(null)} address={address} change={change} cards={cards} labels={labels} />
        </Over>
      )}
    </>
  );
}

/** What waits while the rows stay; its place is always there, so that nothing beside it moves. */
function Waiting({ view, paused, onPause }: Pick<Props, "view" | "paused" | "onPause">) {
  const words = useWords();
  const { waiting } = useSyncExternalStore(view.subscribe, view.shown);
  const some = waiting.moved + waiting.came + waiting.went > 0;
  return (
    <div className="waiting-moves">
      <button type="button" className="moves" data-some={some || undefined} disabled={!some} title={words.fleet.waitingTitle} onClick={() => view.apply()}>
        {some ? words.fleet.waiting(waiting.moved, waiting.came, waiting.went) : ""}
      </button>
      <button type="button" className="tool pause" aria-pressed={paused} title={words.fleet.pauseTitle} onClick={onPause}>
        <svg viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
          <path d={paused ? "M4 2.500v11l9-5.500z" : "M4 3h3v10H4zM9 3h3v10H9z"} />
        </svg>
        <span>{paused ? words.fleet.paused : words.fleet.pause}</span>
      </button>
    </div>
  );
}

function Shown({ view }: { view: FleetView }) {
  const { words } = useSpoken();
  const { matched, all } = useSyncExternalStore(view.subscribe, view.shown);
  return <span className="shown dim num">{words.fleet.shown(grouped(matched), grouped(all))}</span>;
}

export const Tools = memo(function Tools(props: Props) {
  const { view, address, change } = props;
  const onFilter = (text: string) => change({ filter: parseFilter(text) });
  return (
    <div className="tools">
      <Search filter={address.filter} onFilter={onFilter} box={props.box} />
      <Facets view={view} filter={address.filter} onFilter={onFilter} onMenu={props.onMenu} labels={props.labels} />
      <View {...props} />
      <span className="tools-space" />
      <Shown view={view} />
      <Waiting {...props} />
    </div>
  );
});
