import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useSyncExternalStore, type MouseEvent, type ReactNode, type RefObject } from "react";
import type { Asked } from "../../fleet/asked";
import type { Holds } from "../../fleet/holds";
import type { Order } from "../../fleet/order";
import type { Key } from "../../fleet/row";
import { useLive } from "../../fleet/use";
import type { FleetView } from "../../fleet/view";
import { useSpoken, useWords } from "../../words/use";
import { template, type Column } from "./columns";
import { Head } from "./Head";
import type { Look } from "./look";
import { Painter } from "./painter";
import "./Table.css";

/** What is done in a row. */
export interface RowActs {
  open(key: Key): void;
  /** `range`: up to this row as well. */
  select(key: Key, range: boolean): void;
  activate(key: Key): void;
  copy(text: string): void;
}

interface Props {
  view: FleetView;
  /** In place of the table where it would have no line. */
  empty: ReactNode;
  order: Order;
  onSort(order: Order): void;
  columns: readonly Column[];
  cards: boolean;
  active: Key | null;
  opened: Key | null;
  selection: ReadonlySet<Key>;
  onSelectAll(): void;
  asked: Asked;
  acts: RowActs;
  holds: Holds;
  search: string;
}

function actOf(event: MouseEvent, acts: RowActs): void {
  const target = event.target as Element;
  const key = target.closest<HTMLElement>("[data-key]")?.dataset.key;
  const act = target.closest<HTMLElement>("[data-act]")?.dataset.act;
  if (key === undefined) {
    return;
  }
  acts.activate(key);
  if (act === "select") {
    acts.select(key, event.shiftKey);
  } else if (act === "copy") {
    acts.copy(target.textContent ?? "");
    markCopied(target);
  } else if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) {
    return; // a link in another tab, or a selection of text
  } else if (act === "open" || window.getSelection()?.isCollapsed !== false) {
    event.preventDefault();
    acts.open(key);
  }
}

/** The address was copied: its cell says so for a moment. */
function markCopied(target: Element): void {
  target.setAttribute("data-copied", "");
  window.setTimeout(() => target.removeAttribute("data-copied"), 1200);
}

/** The key of the row that has the focus in it; undefined: it is elsewhere. */
function focusedIn(box: HTMLElement | null): Key | undefined {
  const row = document.activeElement?.closest<HTMLElement>("[data-key]");
  return row != null && box?.contains(row) ? row.dataset.key : undefined;
}

/** Paints the lines into `body`, of which React knows nothing. */
function usePainter(box: RefObject<HTMLElement | null>, body: RefObject<HTMLElement | null>, { view, columns, cards, active, opened, selection, asked, search, order: { group } }: Props): void {
  const { words, language } = useSpoken();
  const { store } = useLive();
  const look = useMemo<Look>(
    () => ({ words, language, columns, cards, group, active, opened, selection, asked, search }),
    [words, language, columns, cards, group, active, opened, selection, asked, search],
  );
  const latest = useRef(look);
  const painter = useRef<Painter | null>(null);
  useLayoutEffect(() => {
    latest.current = look;
    painter.current?.show(look);
  }, [look]);
  useLayoutEffect(() => {
    const made = new Painter(box.current!, body.current!, view, store, latest.current);
    painter.current = made;
    return () => {
      painter.current = null;
      made.close();
    };
  }, [box, body, view, store]);
  useEffect(() => {
    if (active !== null) {
      painter.current?.reveal(active);
      // A link of another row that has the focus would be opened by Enter in place of the row that is marked.
      const key = focusedIn(box.current);
      if (key !== undefined && key !== active) {
        box.current?.focus({ preventScroll: true });
      }
    }
    // The row is followed when another one is active, not when it moves.
  }, [box, active]);
}

function Grid(props: Props & { count: number }) {
  const { view, order, columns, cards, selection, acts, holds, count } = props;
  const words = useWords();
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  usePainter(box, body, props);

  const press = (event: MouseEvent) => {
    const group = (event.target as Element).closest<HTMLElement>("[data-act=toggle]")?.dataset.group;
    if (group !== undefined) {
      view.toggle(group);
    } else {
      actOf(event, acts);
    }
  };
  const pointer = useCallback((on: boolean) => holds.set("pointer", on), [holds]);
  // Where there is no row there is none under the pointer, and no event says that it left.
  useEffect(() => () => pointer(false), [pointer]);

  return (
    <div
      ref={box}
      className="table"
      role="grid"
      tabIndex={0}
      data-keeps-focus
      aria-label={words.fleet.table}
      aria-rowcount={count + 1}
      aria-multiselectable="true"
      data-cards={cards || undefined}
      style={{ "--columns": template(columns) } as React.CSSProperties}
      onPointerDown={() => holds.touch()}
      onScroll={cards ? () => holds.touch() : undefined}
    >
      {!cards && <Head order={order} onSort={props.onSort} columns={columns} selection={selection.size} all={count} onSelectAll={props.onSelectAll} />}
      <div
        ref={body}
        className="rows"
        role="rowgroup"
        onClick={press}
        onMouseDown={(event) => event.shiftKey && event.preventDefault()}
        onPointerEnter={(event) => event.pointerType === "mouse" && pointer(true)}
        onPointerLeave={() => pointer(false)}
      />
    </div>
  );
}

/** Renders again when the number of its lines is another one; the lines themselves are the painter's. */
export const Table = memo(function Table(props: Props) {
  const { view } = props;
  const count = useSyncExternalStore(view.subscribe, () => view.shown().lines.length);
  return count === 0 ? props.empty : <Grid {...props} count={count} />;
});
