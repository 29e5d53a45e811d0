import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Link } from "wouter";
import { Icon } from "../../app/icons";
import { useShortcuts } from "../../app/keys";
import { Waiting } from "../../parts/Waiting";
import { useSpoken } from "../../words/use";
import { useList } from "./data";
import { nameOf, visible } from "./names";
import { hrefOf, useKeyPlace, type KeyPlace } from "./place";
import { rootEntries, type Entry } from "./tree";
import { useKeyWords } from "./words";

const ROW = 34;
const PHONE_ROW = 44;
const phone = window.matchMedia("(max-width: 700px)");

function Row({ entry, place }: { entry: Entry; place: KeyPlace }) {
  const words = useKeyWords();
  const { language } = useSpoken();
  const number = (value: number) => value.toLocaleString(language);
  if (entry.kind === "folder") {
    return (
      <>
        <Icon name="folder" size={16} />
        <bdi className="keys-name mono">{visible(entry.prefix.slice(place.prefix.length))}</bdi>
        <span className="keys-count dim num">{entry.count > 0 && words.keyCount(number(entry.count), entry.more)}</span>
      </>
    );
  }
  const { info } = entry;
  const name = nameOf(info);
  return (
    <>
      <Icon name="key" size={16} />
      <bdi className="keys-name mono" title={visible(name)}>
        {visible(place.flat || !name.startsWith(place.prefix) ? name : name.slice(place.prefix.length) || name)}
      </bdi>
      <span className="keys-lease dim">{info.lease !== null && words.leased}</span>
      <span className="keys-size dim num">{number(info.size)} B</span>
      <span className="keys-revision dim num">{info.revision}</span>
    </>
  );
}

function hrefOfEntry(entry: Entry, place: KeyPlace): string {
  return entry.kind === "folder" ? hrefOf({ ...place, prefix: entry.prefix, open: null }) : hrefOf({ ...place, open: entry.info.id });
}

/** One row can be reached by Tab, the others from it by the arrows: which one, and how to go on. */
function useRoving(count: number, show: (index: number) => void) {
  const [active, setActive] = useState(0);
  const wanted = useRef<number | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const focus = () => {
    const row = wanted.current === null ? null : list.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"]`);
    if (row != null) {
      wanted.current = null;
      row.focus({ preventScroll: true });
    }
  };
  const to = (index: number): void | false => {
    if (count === 0) {
      return false;
    }
    const next = Math.max(0, Math.min(count - 1, index));
    wanted.current = next;
    setActive(next);
    show(next);
    focus();
  };
  // A row that was far away is there once the list has been told to show it.
  useEffect(focus);
  return { active: Math.min(active, Math.max(0, count - 1)), setActive, list, to };
}

interface Props {
  roots: readonly string[];
  followed: boolean;
  refused(error: unknown, retry: () => void): ReactNode;
}

export function KeyList({ roots, followed, refused }: Props) {
  const words = useKeyWords();
  const { language } = useSpoken();
  const [place] = useKeyPlace();
  const top = place.prefix === "" && !place.flat ? rootEntries(roots) : null;
  const list = useList(place.prefix, place.flat, followed, top === null);
  const entries = useMemo(() => top ?? list.data?.pages.flatMap((each) => each.entries) ?? [], [top === null, list.data]);
  const rowHeight = phone.matches ? PHONE_ROW : ROW;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: entries.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });
  const { active, setActive, list: body, to } = useRoving(entries.length, (index) => rows.scrollToIndex(index));
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (top === null && hasNextPage && !isFetchingNextPage && last >= entries.length - 50) {
      void fetchNextPage();
    }
  }, [top === null, hasNextPage, isFetchingNextPage, fetchNextPage, last, entries.length]);
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
    setActive(0);
  }, [place.prefix, place.flat, setActive]);
  const from = () => (body.current?.contains(document.activeElement) ? 1 : 0);
  useShortcuts([
    { keys: ["j", "ArrowDown"], does: words.help.next, repeats: true, run: () => to(active + from()) },
    { keys: ["k", "ArrowUp"], does: words.help.before, repeats: true, run: () => to(active - from()) },
  ]);
  const jump = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
    const index = { Home: 0, End: entries.length - 1, PageDown: active + page, PageUp: active - page }[event.key];
    if (index !== undefined) {
      event.preventDefault();
      to(index);
    }
  };
  if (top === null && list.error !== null && list.data === undefined) {
    return <div className="keys-list">{refused(list.error, () => void list.refetch())}</div>;
  }
  if (top === null && list.data === undefined) {
    return (
      <div className="keys-list">
        <Waiting text={words.loadingMore} />
      </div>
    );
  }
  return (
    <section className="keys-list" aria-label={words.listOf(place.prefix)}>
      <div className="keys-head dim" aria-hidden="true">
        <span className="keys-name">{words.name}</span>
        <span className="keys-lease" />
        <span className="keys-size">{words.size}</span>
        <span className="keys-revision">{words.revision}</span>
      </div>
      {/* eslint-disable-next-line -- the keys move the focus among the links within */}
      <div className="keys-scroll" ref={scroller} onKeyDown={jump}>
        {entries.length === 0 && <p className="keys-empty dim">{place.prefix === "" ? words.emptyAll : words.empty(place.prefix)}</p>}
        <div ref={body} role="list" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {shown.map(({ index, start }) => {
            const entry = entries[index]!;
            const open = entry.kind === "key" && entry.info.id === place.open;
            return (
              <div key={entry.kind === "key" ? entry.info.id : entry.prefix} role="listitem" aria-posinset={index + 1} aria-setsize={hasNextPage ? -1 : entries.length}>
                <Link
                  className="keys-row"
                  href={hrefOfEntry(entry, place)}
                  data-index={index}
                  tabIndex={index === active ? 0 : -1}
                  aria-current={open || undefined}
                  style={{ transform: `translateY(${start}px)`, height: rowHeight }}
                  onFocus={() => setActive(index)}
                >
                  <Row entry={entry} place={place} />
                </Link>
              </div>
            );
          })}
        </div>
      </div>
      <p className="keys-foot dim">
        {words.loaded(entries.length.toLocaleString(language), hasNextPage)}
        <span className="keys-space" />
        {isFetchingNextPage ? words.loadingMore : top === null && (followed ? words.current : words.polled)}
      </p>
    </section>
  );
}
