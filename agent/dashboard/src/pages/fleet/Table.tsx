import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useSyncExternalStore, type MouseEvent, type PointerEvent, type ReactNode, type RefObject } from "react";
import type { Asked } from "../../fleet/asked";
import type { Holds } from "../../fleet/holds";
import type { Order } from "../../fleet/order";
import type { Key } from "../../fleet/row";
import { useLive } from "../../fleet/use";
import { isGroup, type FleetView } from "../../fleet/view";
import { useSpoken, useWords } from "../../words/use";
import { template, type Column } from "./columns";
import { GroupRow } from "./GroupRow";
import { Head } from "./Head";
import { rowId, TableRow } from "./Row";
import { titleOf } from "./titles";

export const HEAD_PX = 34;
export const ROW_PX = 36;
export const CARD_PX = 72;
const MORE_ROWS = 5;

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

/**
 * The focus of a link or a button in a row goes to the table once its row is another server's, or another row is active: Enter would
 * open the server of the focus, and not the one that is marked.
 */
function useFocusOfRows(box: RefObject<HTMLElement | null>, active: Key | null): () => void {
  const had = useRef<Key | undefined>(undefined);
  useLayoutEffect(() => {
    const key = focusedIn(box.current);
    if (key !== undefined && key !== had.current) {
      box.current?.focus({ preventScroll: true });
    }
  });
  useEffect(() => {
    const key = focusedIn(box.current);
    if (key !== undefined && active !== null && key !== active) {
      box.current?.focus({ preventScroll: true });
    }
  }, [box, active]);
  return useCallback(() => {
    had.current = focusedIn(box.current);
  }, [box]);
}

/** How many lines there are elements for: as many as fit, and some. */
function slotsFor(height: number, line: number): number {
  return Math.ceil(height / line) + 2 * MORE_ROWS + 2;
}

/** Renders again when lines move; what is around it does not. */
export const Table = memo(function Table(props: Props) {
  const { view, order, columns, cards, active, opened, selection, asked, acts, holds, search } = props;
  const words = useWords();
  const { lines } = useSyncExternalStore(view.subscribe, view.shown);
  const box = useRef<HTMLDivElement>(null);
  const line = cards ? CARD_PX : ROW_PX;
  const margin = cards ? 0 : HEAD_PX;
  // Another version that most have makes others the odd ones out.
  useSyncExternalStore(view.versions.subscribe, view.versions.edition);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => line,
    overscan: MORE_ROWS,
    scrollMargin: margin,
    scrollPaddingStart: margin,
  });
  useEffect(() => rows.measure(), [rows, line]);

  const activeIndex = active === null ? -1 : lines.findIndex((each) => !isGroup(each) && each.key === active);
  useEffect(() => {
    if (activeIndex >= 0) {
      rows.scrollToIndex(activeIndex, { align: "auto" });
    }
    // The row is followed when another one is active, not when it moves.
  }, [rows, active]);

  const { language } = useSpoken();
  const { store } = useLive();
  const over = (event: PointerEvent) => {
    const cell = (event.target as Element).closest<HTMLElement>("[role=gridcell]");
    const key = cell?.closest<HTMLElement>("[data-key]")?.dataset.key;
    if (cell != null && key !== undefined) {
      cell.title = titleOf(cell, store.row(key), view, words, language);
    }
  };

  const focused = useFocusOfRows(box, active);
  const pointer = useCallback((on: boolean) => holds.set("pointer", on), [holds]);
  useEffect(() => () => pointer(false), [pointer]);
  useEffect(() => {
    // Where there is no row there is none under the pointer, and no event says that it left.
    if (lines.length === 0) {
      pointer(false);
    }
  }, [lines.length === 0, pointer]);
  const items = rows.getVirtualItems();
  // A slot is used again for the line that comes into sight as another one leaves it: nothing is mounted while somebody scrolls.
  const slots = slotsFor(rows.scrollRect?.height ?? 0, line);

  if (lines.length === 0) {
    return props.empty;
  }
  return (
    <div
      ref={box}
      className="table"
      role="grid"
      tabIndex={0}
      data-keeps-focus
      aria-label={words.fleet.table}
      aria-rowcount={lines.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={activeIndex >= 0 ? rowId(active!) : undefined}
      data-cards={cards || undefined}
      style={{ "--columns": template(columns) } as React.CSSProperties}
      onPointerDown={() => holds.touch()}
      onScroll={cards ? () => holds.touch() : undefined}
    >
      {!cards && <Head order={order} onSort={props.onSort} columns={columns} selection={selection.size} all={lines.length} onSelectAll={props.onSelectAll} />}
      <div
        className="rows"
        role="rowgroup"
        style={{ height: rows.getTotalSize() }}
        onClick={(event) => actOf(event, acts)}
        onMouseDown={(event) => event.shiftKey && event.preventDefault()}
        onFocus={focused}
        onPointerOver={over}
        onPointerOut={(event) => (event.target as Element).closest("[role=gridcell]")?.removeAttribute("title")}
        onPointerEnter={(event) => event.pointerType === "mouse" && pointer(true)}
        onPointerLeave={() => pointer(false)}
      >
        {items.map((item) => {
          const each = lines[item.index];
          if (each === undefined) {
            return null;
          }
          const top = item.start - margin;
          if (isGroup(each)) {
            return <GroupRow key={item.index % slots} view={view} line={each} index={item.index} top={top} group={order.group} />;
          }
          return (
            <TableRow
              key={item.index % slots}
              rowKey={each.key}
              index={item.index}
              top={top}
              columns={columns}
              versions={view.versions}
              odd={view.versions.edition()}
              selected={selection.has(each.key)}
              active={each.key === active}
              opened={each.key === opened}
              asked={asked.get(each.key)}
              search={search}
            />
          );
        })}
      </div>
    </div>
  );
});
