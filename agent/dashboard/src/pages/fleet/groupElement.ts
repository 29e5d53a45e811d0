import { STATUSES, type ShownStatus } from "../../fleet/row";
import { playersOf, type Tally } from "../../fleet/tally";
import type { GroupLine } from "../../fleet/view";
import { grouped } from "../../words/time";
import { Attribute, Icon, make, makeCell, Said } from "./elements";
import type { Look } from "./look";

/** How many servers of a group have one status. */
class Mark {
  readonly element: HTMLElement;
  readonly #word = new Said();
  readonly #count = new Said();

  constructor(status: ShownStatus) {
    const icon = new Icon();
    icon.write(status);
    this.element = make("span", "mark num", icon.element, make("span", "unseen", this.#word.node), this.#count.node);
    this.element.dataset.status = status;
  }

  write(count: number, word: string): void {
    this.element.hidden = count === 0;
    this.element.title = word;
    this.#word.write(word);
    this.#count.write(grouped(count));
  }
}

/** The head of a group: its name, how many there are, and how many of each trouble. */
export class GroupElement {
  readonly element: HTMLElement = make("div", "row group");
  readonly #button = make("button");
  readonly #by = new Said();
  readonly #name = new Said();
  readonly #servers = new Said();
  readonly #players = new Said();
  readonly #marks = STATUSES.filter((status) => status !== "ready").map((status) => [status, new Mark(status)] as const);
  readonly #index = new Attribute(this.element, "aria-rowindex");
  readonly #open = new Attribute(this.#button, "aria-expanded");

  constructor() {
    const chevron = make("span", "chevron");
    chevron.setAttribute("aria-hidden", "true");
    this.#button.type = "button";
    this.#button.dataset.act = "toggle";
    this.#button.append(chevron, make("span", "dim", this.#by.node), document.createTextNode(" "), make("b", "", this.#name.node));
    const marks = this.#marks.map(([, mark]) => mark.element);
    this.element.setAttribute("role", "row");
    this.element.append(makeCell("", this.#button, make("span", "num", this.#servers.node), ...marks, make("span", "dim num", this.#players.node)));
  }

  place(index: number): void {
    this.#index.write(String(index + 2));
  }

  write(line: GroupLine, tally: Tally | undefined, { words, group }: Look): void {
    this.#button.dataset.group = line.group;
    this.#open.write(String(line.open));
    this.#by.write(group);
    this.#name.write(line.group === "" ? words.fleet.noGroup : line.group);
    const players = tally === undefined ? null : playersOf(tally);
    this.#servers.write(tally === undefined ? "" : words.fleet.servers(grouped(tally.rows)));
    this.#players.write(tally === undefined ? "" : words.fleet.players(players === null ? words.common.none : grouped(players), grouped(tally.seats)));
    for (const [status, mark] of this.#marks) {
      mark.write(tally?.byStatus[status] ?? 0, words.statuses[status]);
    }
  }
}
