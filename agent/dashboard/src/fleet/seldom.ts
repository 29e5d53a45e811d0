/** Does something at once when asked, but no more often than every `ms`: what is asked for meanwhile is done once at the end. */
export class Seldom {
  readonly #ms: number;
  readonly #run: () => void;
  #last = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, run: () => void) {
    this.#ms = ms;
    this.#run = run;
  }

  ask(): void {
    if (this.#timer !== undefined) {
      return;
    }
    const wait = this.#last + this.#ms - performance.now();
    if (wait <= 0) {
      this.#do();
    } else {
      this.#timer = setTimeout(() => this.#do(), wait);
    }
  }

  /** Does at once what waits to be done. */
  now(): void {
    if (this.#timer !== undefined) {
      this.#do();
    }
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #do(): void {
    this.cancel();
    this.#last = performance.now();
    this.#run();
  }
}
