/** What keeps the rows where they are. */
export type Hold = "pointer" | "selection" | "menu" | "pause" | "dialog";

/** So long after a key or a touch the rows stay. */
export const SETTLE_MS = 3000;

/** Tells `held` whenever the rows begin or end to be held. */
export class Holds {
  #on = new Set<Hold>();
  #until = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #was = false;
  readonly #held: (held: boolean) => void;

  constructor(held: (held: boolean) => void) {
    this.#held = held;
  }

  set(hold: Hold, on: boolean): void {
    if (on) {
      this.#on.add(hold);
    } else {
      this.#on.delete(hold);
    }
    this.#look();
  }

  /** A key was pressed, or a finger moved. */
  touch(): void {
    this.#until = Date.now() + SETTLE_MS;
    this.#timer ??= setTimeout(() => this.#settle(), SETTLE_MS);
    this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #settle(): void {
    const left = this.#until - Date.now();
    this.#timer = left > 0 ? setTimeout(() => this.#settle(), left) : undefined;
    this.#look();
  }

  #look(): void {
    const held = this.#on.size > 0 || this.#timer !== undefined;
    if (held !== this.#was) {
      this.#was = held;
      this.#held(held);
    }
  }
}
