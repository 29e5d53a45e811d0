// Ages tick from the clock of the observer: the clock of a browser may be wrong by minutes.
let aheadMs = 0;

/** Takes the time that an answer carries. */
export function heardNow(now: string | undefined): void {
  const at = now === undefined ? Number.NaN : Date.parse(now);
  if (!Number.isNaN(at)) {
    aheadMs = at - Date.now();
  }
}

/** The observer's clock, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + aheadMs;
}

/** By how much the observer's clock is ahead of the browser's. */
export function clockAhead(): number {
  return aheadMs;
}
