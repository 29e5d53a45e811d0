import type { Key } from "../../fleet/row";
import type { FleetChange, FleetStore } from "../../fleet/store";
import { isGroup, type FleetView, type Line } from "../../fleet/view";
import { eachSecond } from "../../parts/Age";
import { serverNow } from "../../wire/clock";
import { Attribute } from "./elements";
import { GroupElement } from "./groupElement";
import type { Look } from "./look";
import { rowId, RowElement } from "./rowElement";
import { linesInSight, topFor, type Sight } from "./sight";
import { titleOf } from "./titles";

export const HEAD_PX = 34;
export const ROW_PX = 36;
export const CARD_PX = 72;

/** So long after it was scrolled the elements are put in order, and so often it is looked whether text is selected no more. */
const SETTLE_MS = 250;
const SELECTING_MS = 1000;

/** An element, and the line that it shows. */
interface Placed {
  readonly made: RowElement | GroupElement;
  index: number;
}

/** No key of a server begins so. */
const idOf = (line: Line): string => (isGroup(line) ? `\n${line.group}` : line.key);

/** Takes out what can show such a line. */
function take(spare: Set<Placed>, line: Line): Placed | undefined {
  for (const placed of spare) {
    if (placed.made instanceof GroupElement === isGroup(line)) {
      spare.delete(placed);
      return placed;
    }
  }
  return undefined;
}

function isSelecting(body: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && body.contains(selection.anchorNode);
}

/*
 * Paints the lines of the table that are in sight, without React: a change of a server costs the texts that are others, and a line that
 * comes into sight takes the element of one that has left it. While somebody scrolls, elements stay where they are in the document and
 * change their place on the screen alone; after that they are put in order, for who hears the page or copies from it.
 */
export class Painter {
  readonly #grid: HTMLElement;
  readonly #body: HTMLElement;
  readonly #view: FleetView;
  readonly #store: FleetStore;
  readonly #active: Attribute;
  #look: Look;
  #top = 0;
  #height: number;
  /** Of all lines. */
  #whole = 0;
  #lines: readonly Line[] = [];
  #first = 0;
  #end = 0;
  /** By the line, in the order of the lines. */
  #shown = new Map<string, Placed>();
  #settling: number | undefined;
  /** Under the pointer. */
  #row: Element | null = null;
  #cell: Element | null = null;
  readonly #stops: (() => void)[];

  /** `grid` scrolls, `body` has the lines. */
  constructor(grid: HTMLElement, body: HTMLElement, view: FleetView, store: FleetStore, look: Look) {
    this.#grid = grid;
    this.#body = body;
    this.#view = view;
    this.#store = store;
    this.#look = look;
    this.#active = new Attribute(grid, "aria-activedescendant");
    this.#height = grid.clientHeight;
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(grid);
    const events = new AbortController();
    const { signal } = events;
    grid.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    body.addEventListener("pointerover", ({ pointerType, target }) => pointerType === "mouse" && this.#over(target as Element), { signal });
    body.addEventListener("pointerleave", () => this.#over(null), { signal });
    this.#stops = [
      () => events.abort(),
      () => sizes.disconnect(),
      () => window.clearTimeout(this.#settling),
      view.subscribe(() => this.#moved()),
      view.subscribeSums(() => this.#writeGroups()),
      view.versions.subscribe(() => this.#writeAll()),
      store.subscribe((change) => this.#changed(change)),
      eachSecond(() => this.#writeAll()),
    ];
    this.#moved();
  }

  close(): void {
    this.#stops.forEach((stop) => stop());
    this.#body.replaceChildren();
    this.#active.write(null);
  }

  show(look: Look): void {
    const before = this.#look;
    if (look === before) {
      return;
    }
    this.#look = look;
    if (look.columns !== before.columns || look.cards !== before.cards) {
      this.#body.replaceChildren();
      this.#shown.clear();
    }
    this.#moved();
    this.#writeAll();
  }

  /** Scrolls no further than it takes to see that row. */
  reveal(key: Key): void {
    const index = this.#lines.findIndex((line) => !isGroup(line) && line.key === key);
    const top = index < 0 ? this.#top : topFor(index, this.#sight());
    if (top !== this.#top) {
      this.#top = top;
      this.#paint();
      this.#grid.scrollTop = top;
    }
  }

  #sight(): Sight {
    const { cards } = this.#look;
    return { top: this.#top, height: this.#height, head: cards ? 0 : HEAD_PX, line: cards ? CARD_PX : ROW_PX };
  }

  #resized(): void {
    this.#height = this.#grid.clientHeight;
    this.#paint();
  }

  #scrolled(): void {
    this.#top = this.#grid.scrollTop;
    const { first, end } = linesInSight(this.#sight(), this.#lines.length);
    if (first !== this.#first || end !== this.#end) {
      window.clearTimeout(this.#settling);
      this.#settling = window.setTimeout(() => this.#settle(), SETTLE_MS);
      this.#place(first, end);
    }
  }

  #settle(): void {
    if (isSelecting(this.#body)) {
      this.#settling = window.setTimeout(() => this.#settle(), SELECTING_MS);
    } else {
      this.#settling = undefined;
      this.#arrange();
      this.#over(this.#body.querySelector("[role=gridcell]:hover"));
    }
  }

  /**
   * The row and the cell under the pointer, once they do not pass by any more: a browser that has just found another one under it would
   * have to look at all styles before it can say how far it is scrolled, and whether a cell is cut takes a look at the layout.
   */
  #over(target: Element | null): void {
    if (this.#settling !== undefined) {
      return;
    }
    const cell = target?.closest<HTMLElement>("[role=gridcell]") ?? null;
    const row = cell?.parentElement ?? null;
    if (row !== this.#row) {
      this.#row?.removeAttribute("data-pointed");
      row?.setAttribute("data-pointed", "");
      this.#row = row;
    }
    if (cell !== this.#cell) {
      this.#cell?.removeAttribute("title");
      this.#cell = cell;
      const key = row?.dataset.key;
      if (cell !== null && key !== undefined) {
        cell.title = titleOf(cell, this.#store.row(key), this.#view, this.#look);
      }
    }
  }

  /** Lines came, went or moved. */
  #moved(): void {
    const { lines } = this.#view.shown();
    const whole = lines.length * this.#sight().line;
    if (whole !== this.#whole) {
      this.#whole = whole;
      this.#body.style.height = `${whole}px`;
    }
    this.#lines = lines;
    this.#paint();
  }

  #paint(): void {
    const { first, end } = linesInSight(this.#sight(), this.#lines.length);
    this.#place(first, end);
    if (this.#settling === undefined) {
      this.#arrange();
    }
  }

  /** Gives each line from `first` to `end` an element: its own, or one whose line has left. */
  #place(first: number, end: number): void {
    this.#first = first;
    this.#end = end;
    const lines = this.#lines.slice(first, end);
    const left = this.#shown;
    const stay = lines.map((line) => {
      const placed = left.get(idOf(line));
      left.delete(idOf(line));
      return placed;
    });
    const spare = this.#spare(left.values());
    const now = serverNow();
    this.#shown = new Map();
    lines.forEach((line, at) => {
      const placed = stay[at] ?? take(spare, line) ?? this.#make(line);
      this.#shown.set(idOf(line), placed);
      this.#put(placed, first + at);
      if (placed !== stay[at] || isGroup(line)) {
        this.#write(placed, now);
      }
    });
    for (const { made } of spare) {
      made.element.remove();
    }
    this.#tellActive();
  }

  /** What has no line any more. The focus does not stay in it: Enter would open another server than the one that was there. */
  #spare(left: Iterable<Placed>): Set<Placed> {
    const spare = new Set(left);
    const focus = document.activeElement;
    for (const { made } of spare) {
      if (made.element.contains(focus)) {
        this.#grid.focus({ preventScroll: true });
      }
      if (this.#settling === undefined) {
        made.element.remove(); // what stays is in order
      }
    }
    return spare;
  }

  #make(line: Line): Placed {
    return { made: isGroup(line) ? new GroupElement() : new RowElement(this.#look.columns), index: -1 };
  }

  #put(placed: Placed, index: number): void {
    const { element } = placed.made;
    if (index !== placed.index) {
      placed.index = index;
      placed.made.place(index);
      element.style.transform = `translateY(${index * this.#sight().line}px)`;
    }
    if (element.parentNode === null && this.#settling !== undefined) {
      this.#body.append(element); // its place in the document is found later
    }
  }

  #write({ made, index }: Placed, now: number): void {
    const line = this.#lines[index]!;
    if (made instanceof RowElement && !isGroup(line)) {
      made.write(line.key, this.#store.row(line.key), this.#look, this.#view.versions, now);
    } else if (made instanceof GroupElement && isGroup(line)) {
      made.write(line, this.#view.group(line.group), this.#look);
    }
  }

  #writeAll(): void {
    const now = serverNow();
    for (const placed of this.#shown.values()) {
      this.#write(placed, now);
    }
  }

  #writeGroups(): void {
    const now = serverNow();
    for (const placed of this.#shown.values()) {
      if (placed.made instanceof GroupElement) {
        this.#write(placed, now);
      }
    }
  }

  #changed({ all, keys }: FleetChange): void {
    if (all) {
      this.#writeAll();
      return;
    }
    const now = serverNow();
    for (const [id, placed] of this.#shown) {
      if (keys.has(id)) {
        this.#write(placed, now);
      }
    }
  }

  /** The elements stand in the document as their lines do. */
  #arrange(): void {
    const focus = document.activeElement;
    let next: Element | null = null;
    for (const { made } of [...this.#shown.values()].reverse()) {
      if (made.element.parentNode === null || made.element.nextElementSibling !== next) {
        this.#body.insertBefore(made.element, next);
      }
      next = made.element;
    }
    if (focus !== document.activeElement && focus instanceof HTMLElement && this.#body.contains(focus)) {
      focus.focus({ preventScroll: true });
    }
  }

  /** The row that the keys are at, while there is an element of it. */
  #tellActive(): void {
    const { active } = this.#look;
    this.#active.write(active !== null && this.#shown.has(active) ? rowId(active) : null);
  }
}
