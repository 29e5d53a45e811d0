import { places } from "../../app/places";
import type { Key, Row } from "../../fleet/row";
import type { Versions } from "../../fleet/tally";
import type { HoldChange } from "../../wire/holds";
import type { Words } from "../../words/en";
import { addressOf, ageOf, drainOf, isFresh, leftOf, loadOf, whyOf } from "./cells";
import type { Column } from "./columns";
import { Attribute, Icon, make, makeCell, Said } from "./elements";
import type { Look } from "./look";

export function rowId(key: Key): string {
  return `row-${encodeURIComponent(key)}`;
}

interface Written {
  row: Row;
  words: Words;
  versions: Versions;
  /** How long the deadline of a drain is off, where the pill of the status does not say so. */
  left: string;
  asked: HoldChange | undefined;
  now: number;
}

/** A cell of a column: its element, and how it is written. */
interface Cell {
  readonly element: HTMLElement;
  write(written: Written): void;
}

function textCell(name: string, read: (written: Written) => string | undefined): Cell {
  const said = new Said();
  const element = makeCell(name, said.node);
  const none = new Attribute(element, "data-none");
  return {
    element,
    write(written) {
      const text = read(written);
      none.turn(text === undefined);
      said.write(text ?? "–");
    },
  };
}

function playersCell(): Cell {
  const [there, seats] = [new Said(), new Said()];
  const load = make("i", "load");
  const element = makeCell("players num", there.node, make("span", "dim", seats.node), load);
  const none = new Attribute(element, "data-none");
  const [full, bare] = [new Attribute(load, "data-full"), new Attribute(load, "hidden")];
  let size = "";
  return {
    element,
    write({ row }) {
      const { players, capacity } = row.record;
      const part = loadOf(row);
      there.write(players === undefined ? "–" : String(players));
      seats.write(capacity === undefined ? "" : ` / ${capacity}`);
      none.turn(players === undefined);
      full.turn(part !== null && part >= 1);
      bare.turn(part === null);
      const wanted = `${Math.round((part ?? 0) * 100)}% 100%`;
      if (wanted !== size) {
        size = wanted;
        load.style.backgroundSize = wanted;
      }
    },
  };
}

function hostCell(): Cell {
  const said = new Said();
  const button = make("button", "", said.node);
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.act = "copy";
  const element = makeCell("host mono", button);
  const none = new Attribute(element, "data-none");
  let pressed = true;
  return {
    element,
    write({ row }) {
      const address = addressOf(row);
      none.turn(address === undefined);
      said.write(address ?? "–");
      if (pressed !== (address !== undefined)) {
        pressed = address !== undefined;
        button.append(said.node);
        element.replaceChildren(pressed ? button : said.node);
      }
    },
  };
}

function versionCell(): Cell {
  const cell = textCell("version", ({ row }) => row.record.version);
  const odd = new Attribute(cell.element, "data-odd");
  return {
    element: cell.element,
    write(written) {
      cell.write(written);
      odd.turn(written.versions.isOdd(written.row));
    },
  };
}

function drainCell(): Cell {
  const [left, said] = [new Said(), new Said()];
  const element = makeCell("drain", make("b", "num", left.node), said.node);
  const mark = new Attribute(element, "data-asked");
  return {
    element,
    write(written) {
      left.write(written.left === "" ? "" : `${written.left} `);
      said.write(drainOf(written.row, written.asked, written.words));
      mark.write(written.asked ?? null);
    },
  };
}

const makers: Record<Column, () => Cell> = {
  why: () => textCell("why", ({ row, words }) => whyOf(row, words)),
  players: playersCell,
  zone: () => textCell("zone", ({ row }) => row.record.zone),
  map: () => textCell("map", ({ row }) => row.record.labels?.map),
  host: hostCell,
  version: versionCell,
  changed: () => textCell("changed", ({ row, now, words }) => ageOf(row, now, words)),
  drain: drainCell,
};

/** The pill of the status. */
class Pill {
  readonly element: HTMLElement;
  readonly #icon = new Icon();
  readonly #said = new Said();
  readonly #left = new Said();
  readonly #none: Attribute;

  constructor() {
    const left = make("b", "num", this.#left.node);
    this.#none = new Attribute(left, "hidden");
    this.element = makeCell("pill", make("span", "status", this.#icon.element, this.#said.node, left));
  }

  write(status: Row["status"], left: string, words: Words): void {
    this.#icon.write(status);
    this.#said.write(words.statuses[status]);
    this.#left.write(left);
    this.#none.turn(left === "");
  }
}

/*
 * The element of a server in the table. It is another server's many times a second while somebody scrolls: it is made once, and then
 * written. No handler in it: the table listens for all rows, and what is pressed says so in data-act; titles.ts gives a cell its title
 * once it is pointed at.
 */
export class RowElement {
  readonly element: HTMLElement = make("div", "row");
  key: Key = "";
  readonly #pill = new Pill();
  readonly #link = make("a");
  readonly #type = new Said();
  readonly #id = new Said();
  readonly #gone = makeCell("why gone");
  readonly #cells: readonly Cell[];
  readonly #marks: Record<"id" | "aria-rowindex" | "aria-selected" | "data-key" | "data-status" | "data-fresh" | "data-active" | "data-opened" | "data-gone", Attribute>;
  readonly #address: Attribute;
  #there = true;

  constructor(columns: readonly Column[]) {
    const mark = (name: string) => new Attribute(this.element, name);
    this.#marks = {
      id: mark("id"),
      "aria-rowindex": mark("aria-rowindex"),
      "aria-selected": mark("aria-selected"),
      "data-key": mark("data-key"),
      "data-status": mark("data-status"),
      "data-fresh": mark("data-fresh"),
      "data-active": mark("data-active"),
      "data-opened": mark("data-opened"),
      "data-gone": mark("data-gone"),
    };
    this.#address = new Attribute(this.#link, "href");
    this.#link.tabIndex = -1;
    this.#link.dataset.act = "open";
    this.#link.append(make("span", "dim", this.#type.node), this.#id.node);
    this.#cells = columns.map((column) => makers[column]());
    const select = makeCell("select", make("i", "box"));
    select.dataset.act = "select";
    this.element.setAttribute("role", "row");
    this.element.append(select, this.#pill.element, makeCell("id", this.#link), ...this.#cells.map((cell) => cell.element));
  }

  /** Where it stands among the lines. */
  place(index: number): void {
    this.#marks["aria-rowindex"].write(String(index + 2));
  }

  write(key: Key, row: Row | undefined, look: Look, versions: Versions, now: number): void {
    if (key !== this.key) {
      this.#become(key);
    }
    const { words } = look;
    const status = row?.status ?? "offline";
    const marks = this.#marks;
    const active = key === look.active;
    marks.id.write(active ? rowId(key) : null);
    marks["aria-selected"].write(look.selection.has(key) ? "true" : "false");
    marks["data-status"].write(status);
    marks["data-fresh"].turn(row !== undefined && isFresh(row, now));
    marks["data-active"].turn(active);
    marks["data-opened"].turn(key === look.opened);
    marks["data-gone"].turn(row === undefined || row.gone !== null);
    this.#address.write(places.server(key) + look.search);
    const left = row === undefined ? "" : leftOf(row, now, words);
    this.#pill.write(status, status === "draining" ? left : "", words);
    this.#shows(row !== undefined, words);
    if (row !== undefined) {
      const written = { row, words, versions, left: status === "draining" ? "" : left, asked: look.asked.get(key), now };
      for (const cell of this.#cells) {
        cell.write(written);
      }
    }
  }

  /** Another server's from now on: nothing of the one before stays. */
  #become(key: Key): void {
    this.key = key;
    const slash = key.indexOf("/");
    this.#marks["data-key"].write(key);
    this.#type.write(key.slice(0, slash + 1));
    this.#id.write(key.slice(slash + 1));
    for (const each of this.element.querySelectorAll("[title], [data-copied]")) {
      each.removeAttribute("title");
      each.removeAttribute("data-copied");
    }
  }

  /** A server without a record has one cell in place of all columns. */
  #shows(there: boolean, words: Words): void {
    if (there === this.#there) {
      return;
    }
    this.#there = there;
    this.#gone.textContent = words.fleet.gone;
    if (there) {
      this.#gone.replaceWith(...this.#cells.map((cell) => cell.element));
    } else {
      this.#cells.forEach((cell) => cell.element.remove());
      this.element.append(this.#gone);
    }
  }
}
