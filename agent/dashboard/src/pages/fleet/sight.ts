// Which lines of the table have an element, and where it scrolls to. All lines are of one height, so that nothing is measured.

/** Lines that have an element above and below what is seen. */
export const MORE_LINES = 5;

export interface Sight {
  /** How far it is scrolled. */
  readonly top: number;
  /** Of the box, its head within. */
  readonly height: number;
  /** Of the head, which stays at the top. */
  readonly head: number;
  /** Of one line. */
  readonly line: number;
}

/** The first line with an element, and the one behind the last. As many wherever it is scrolled to: none is made or taken out by that. */
export function linesInSight({ top, height, head, line }: Sight, lines: number): { first: number; end: number } {
  const most = Math.ceil(Math.max(0, height - head) / line) + 1 + 2 * MORE_LINES;
  const first = Math.max(0, Math.min(Math.floor(top / line) - MORE_LINES, lines - most));
  return { first, end: Math.min(lines, first + most) };
}

/** Where to scroll to, so that the line is seen: no further than it takes. */
export function topFor(index: number, { top, height, head, line }: Sight): number {
  const above = index * line;
  if (above < top) {
    return above;
  }
  const below = above + line + head - height;
  return below > top ? below : top;
}
