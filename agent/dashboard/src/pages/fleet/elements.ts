import { iconPath } from "../../parts/StatusPill";
import type { ShownStatus } from "../../fleet/row";

// What the lines of the table are made of. Each piece keeps what it has last written: what is the same is not written again, as a
// browser looks again at whatever is written.

const SVG = "http://www.w3.org/2000/svg";

export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className = "", ...children: Node[]): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.className = className;
  element.append(...children);
  return element;
}

export function makeCell(className: string, ...children: Node[]): HTMLSpanElement {
  const cell = make("span", className, ...children);
  cell.setAttribute("role", "gridcell");
  return cell;
}

/** A text that changes. */
export class Said {
  readonly node = document.createTextNode("");
  #text = "";

  write(text: string): void {
    if (text !== this.#text) {
      this.#text = text;
      this.node.data = text;
    }
  }
}

/** An attribute that changes; null: there is none. */
export class Attribute {
  readonly #element: Element;
  readonly #name: string;
  #value: string | null = null;

  constructor(element: Element, name: string) {
    this.#element = element;
    this.#name = name;
  }

  write(value: string | null): void {
    if (value === this.#value) {
      return;
    }
    this.#value = value;
    if (value === null) {
      this.#element.removeAttribute(this.#name);
    } else {
      this.#element.setAttribute(this.#name, value);
    }
  }

  /** One without a value that is there or not. */
  turn(on: boolean): void {
    this.write(on ? "true" : null);
  }
}

/** The icon of a status. */
export class Icon {
  readonly element = document.createElementNS(SVG, "svg");
  readonly #shape: Attribute;

  constructor() {
    const path = document.createElementNS(SVG, "path");
    const looks = { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
    for (const [name, value] of Object.entries(looks)) {
      this.element.setAttribute(name, value);
    }
    this.element.append(path);
    this.#shape = new Attribute(path, "d");
  }

  write(status: ShownStatus): void {
    this.#shape.write(iconPath(status));
  }
}
