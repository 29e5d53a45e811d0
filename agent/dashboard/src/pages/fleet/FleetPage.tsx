import { Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useLocation, useSearch } from "wouter";
import { announce } from "../../app/Announcer";
import { FleetGate } from "../../app/FleetGate";
import { useShortcuts } from "../../app/keys";
import { later, Over } from "../../app/later";
import { useMe } from "../../app/me";
import { places } from "../../app/places";
import { AskedHolds } from "../../fleet/asked";
import { parseFilter } from "../../fleet/filter";
import { Holds } from "../../fleet/holds";
import type { Order } from "../../fleet/order";
import type { Key } from "../../fleet/row";
import { useLive } from "../../fleet/use";
import { FleetView, isGroup } from "../../fleet/view";
import { Button } from "../../parts/Button";
import { copyText } from "../../parts/Copy";
import { useMedia } from "../../parts/useMedia";
import type { HoldChange } from "../../wire/holds";
import { grouped } from "../../words/time";
import { useSpoken, useWords } from "../../words/use";
import { useAddress, type Address } from "./address";
import { ActionBar } from "./ActionBar";
import { drainFormFor } from "../drains/handover";
import { DIRECT_AT_MOST, targetsOf } from "./many";
import { Summary } from "./Summary";
import { Table, type RowActs } from "./Table";
import { Tools } from "./Tools";
import { useLabels } from "./useLabels";
import "./Fleet.css";
import "./Cards.css";

const HoldDialog = later(async () => ({ default: (await import("../../parts/HoldDialog")).HoldDialog }));
const ServerView = later(() => import("../server/ServerView"));

function Empty({ view, filter, onClear }: { view: FleetView; filter: string; onClear(): void }) {
  const { all } = useSyncExternalStore(view.subscribe, view.shown);
  const { words } = useSpoken();
  return (
    <div className="fleet-state" role="status">
      <h2>{all === 0 ? words.fleet.emptyFleet : words.fleet.emptyFilter}</h2>
      {all === 0 ? <p>{words.fleet.emptyFleetHint}</p> : <p className="fleet-filter">{words.fleet.emptyFilterHint(grouped(all), filter)}</p>}
      {filter !== "" && (
        <Button variant="outlined" onClick={onClear}>
          {words.fleet.clearFilter}
        </Button>
      )}
    </div>
  );
}

export function FleetPage({ open }: { open?: Key }) {
  return (
    <FleetGate>
      <Fleet opened={open ?? null} />
    </FleetGate>
  );
}

/** The keys that may be chosen with the arrows and how to go from one to the next. */
function step(view: FleetView, from: Key | null, by: number): Key | null {
  const keys = view.shown().lines.flatMap((line) => (isGroup(line) ? [] : [line.key]));
  if (keys.length === 0) {
    return null;
  }
  const at = from === null ? -1 : keys.indexOf(from);
  const next = at < 0 && Number.isFinite(by) ? (by > 0 ? 0 : keys.length - 1) : Math.max(0, Math.min(keys.length - 1, at + by));
  return keys[next]!;
}

function useView() {
  const { store } = useLive();
  const [address, change] = useAddress();
  const [view] = useState(() => new FleetView(store, address.filter, address.order));
  const [holds] = useState(() => new Holds((held) => view.hold(held)));
  const [asks] = useState(() => new AskedHolds(store));
  useLayoutEffect(() => view.follow(), [view]);
  useEffect(() => () => holds.close(), [holds]);
  useLayoutEffect(() => view.show(address.filter, address.order), [view, address.filter, address.order]);
  return { view, holds, asks, address, change };
}

const SAID_MS = 700;

/** Says how many servers another filter has found, once nobody types any more. */
function useMatchedSaid(view: FleetView, { filter }: Address) {
  const { words } = useSpoken();
  const before = useRef(filter.text);
  useEffect(() => {
    if (before.current === filter.text) {
      return undefined;
    }
    const timer = window.setTimeout(() => {
      before.current = filter.text;
      const { matched, all } = view.shown();
      announce(words.fleet.shown(grouped(matched), grouped(all)));
    }, SAID_MS);
    return () => window.clearTimeout(timer);
  }, [view, filter.text, words]);
}

function useSelection(view: FleetView, holds: Holds) {
  const [selection, setSelection] = useState<ReadonlySet<Key>>(new Set());
  const anchor = useRef<Key | null>(null);
  useEffect(() => holds.set("selection", selection.size > 0), [holds, selection]);
  const select = useCallback(
    (key: Key, range: boolean) => {
      const from = anchor.current;
      anchor.current = key;
      setSelection((before) => {
        const next = new Set(before);
        if (range && from !== null) {
          const keys = view.shown().lines.flatMap((line) => (isGroup(line) ? [] : [line.key]));
          const [a, b] = [keys.indexOf(from), keys.indexOf(key)].sort((x, y) => x - y) as [number, number];
          for (const each of a < 0 ? [key] : keys.slice(a, b + 1)) {
            next.add(each);
          }
        } else if (!next.delete(key)) {
          next.add(key);
        }
        return next;
      });
    },
    [view],
  );
  return { selection, select, setSelection };
}

function Fleet({ opened }: { opened: Key | null }) {
  const words = useWords();
  const search = useSearch();
  const me = useMe();
  const [, navigate] = useLocation();
  const { view, holds, asks, address, change } = useView();
  const { selection, select, setSelection } = useSelection(view, holds);
  useMatchedSaid(view, address);
  const asked = useSyncExternalStore(asks.subscribe, asks.all);
  const labels = useLabels();
  const cards = useMedia("(max-width: 699.95px)");
  const [active, setActive] = useState<Key | null>(opened);
  const [paused, setPaused] = useState(false);
  const [dialog, setDialog] = useState<{ keys: readonly Key[]; change: HoldChange } | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const query = search === "" ? "" : `?${search}`;
  useEffect(() => holds.set("pause", paused), [holds, paused]);
  useEffect(() => holds.set("dialog", dialog !== null), [holds, dialog]);
  const onMenu = useCallback((on: boolean) => holds.set("menu", on), [holds]);

  const acts = useMemo<RowActs>(
    () => ({
      open: (key) => navigate(places.server(key) + query),
      select,
      activate: setActive,
      copy: (text) => void copyText(text).then((done) => done && announce(words.fleet.copied(text))),
    }),
    [navigate, query, select, words],
  );

  const targets = targetsOf(opened, selection, active);
  const hold = (wish: HoldChange, keys: readonly Key[]) => {
    if (keys.length === 0) {
      return;
    }
    if (me?.rights.act !== true) {
      announce(words.common.takesRole(words.signIn.roles.operator));
      return;
    }
    if (wish === "drain" && keys.length > DIRECT_AT_MOST) {
      navigate(drainFormFor(keys));
    } else {
      setDialog({ keys, change: wish });
    }
  };
  const go = (by: number) => {
    holds.touch();
    setActive(step(view, active, by));
  };

  useShortcuts([
    { keys: "/", does: words.fleet.keys.search, group: "page", run: () => box.current?.focus() },
    { keys: ["j", "ArrowDown"], does: words.fleet.keys.down, group: "page", repeats: true, run: () => go(1) },
    { keys: ["k", "ArrowUp"], does: words.fleet.keys.up, group: "page", repeats: true, run: () => go(-1) },
    { keys: "PageDown", repeats: true, run: () => go(15) },
    { keys: "PageUp", repeats: true, run: () => go(-15) },
    { keys: "Home", run: () => go(-Infinity) },
    { keys: "End", run: () => go(Infinity) },
    { keys: "Enter", does: words.fleet.keys.open, group: "page", run: () => (active === null ? false : acts.open(active)) },
    {
      keys: ["x", " "],
      does: words.fleet.keys.select,
      group: "page",
      run: () => {
        if (active === null) {
          return false;
        }
        holds.touch();
        select(active, false);
      },
    },
    { keys: "d", does: words.fleet.keys.drain, group: "page", run: () => hold("drain", targets) },
    { keys: "u", does: words.fleet.keys.undrain, group: "page", run: () => hold("undrain", targets) },
    { keys: "p", does: words.fleet.keys.pause, group: "page", run: () => setPaused(!paused) },
    {
      keys: "Escape",
      does: words.fleet.keys.escape,
      group: "page",
      run: () => {
        if (opened !== null) {
          return false; // it closes the server
        }
        if (selection.size > 0) {
          setSelection(new Set());
        } else if (active !== null) {
          setActive(null);
        } else {
          return false;
        }
      },
    },
  ]);

  const filterBy = useCallback((text: string) => change({ filter: parseFilter(text) }), [change]);
  const sortBy = useCallback((order: Order) => change({ order }), [change]);
  const pause = useCallback(() => setPaused((before) => !before), []);
  const selectAll = useCallback(() => setSelection((before) => (before.size > 0 ? new Set() : new Set(view.keys()))), [view, setSelection]);
  const empty = useMemo(() => <Empty view={view} filter={address.filter.text} onClear={() => filterBy("")} />, [view, address.filter.text, filterBy]);
  return (
    <div className="fleet" data-cards={cards || undefined}>
      <h1 className="unseen">{words.fleet.title}</h1>
      <div className="fleet-main">
        <Summary view={view} filter={address.filter} onFilter={filterBy} />
        <Tools view={view} address={address} change={change} paused={paused} onPause={pause} onMenu={onMenu} cards={cards} labels={labels} box={box} />
        <Table
          view={view}
          empty={empty}
          order={address.order}
          onSort={sortBy}
          columns={address.columns}
          cards={cards}
          active={active}
          opened={opened}
          selection={selection}
          onSelectAll={selectAll}
          asked={asked}
          acts={acts}
          holds={holds}
          search={query}
        />
        <ActionBar keys={[...selection]} onHold={(wish) => hold(wish, [...selection])} onClear={() => setSelection(new Set())} search={query} />
      </div>
      {opened !== null && (
        <Suspense fallback={null}>
          <ServerView name={opened} />
        </Suspense>
      )}
      {dialog !== null && (
        <Over close={() => setDialog(null)}>
          <HoldDialog
            servers={dialog.keys}
            change={dialog.change}
            onClose={(done) => {
              setDialog(null);
              if (done) {
                asks.taken(dialog.keys, dialog.change);
                setSelection(new Set());
              }
            }}
          />
        </Over>
      )}
    </div>
  );
}
