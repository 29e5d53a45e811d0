// The geometry of a line by the minute: what is not known is a gap, never 0.

export type Values = readonly (number | null)[];

/** What a line of these values needs at the top. */
export function topOf(values: Values, capacity: number | null): number {
  return Math.max(1, capacity ?? 0, ...values.map((each) => each ?? 0));
}

/** A top that is a round number: 1, 2, 5, 10, 20, 50 … */
export function roundTop(top: number): number {
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((each) => each >= top)!;
}

const short = (value: number) => String(Math.round(value * 100) / 100);

/** The runs without a gap, as points of a box. A run of one value is a point that a round line end makes visible. */
export function runsOf(values: Values, top: number, width: number, height: number): { x: number; y: number }[][] {
  const runs: { x: number; y: number }[][] = [];
  let run: { x: number; y: number }[] = [];
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  values.forEach((value, index) => {
    if (value === null) {
      run = [];
      return;
    }
    if (run.length === 0) {
      runs.push(run);
    }
    run.push({ x: index * step, y: height - (Math.min(value, top) / top) * height });
  });
  return runs;
}

/** The same as the path of a line and of the area below it. */
export function pathsOf(values: Values, top: number, width: number, height: number): { line: string; area: string } {
  const runs = runsOf(values, top, width, height);
  const path = (run: { x: number; y: number }[]) => run.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${short(x)} ${short(y)}`).join("");
  const line = runs.map((run) => (run.length === 1 ? `${path(run)}h0` : path(run))).join("");
  const area = runs
    .filter((run) => run.length > 1)
    .map((run) => `${path(run)}L${short(run.at(-1)!.x)} ${short(height)}L${short(run[0]!.x)} ${short(height)}Z`)
    .join("");
  return { line, area };
}

export interface Summary {
  last: number | null;
  lowest: number;
  highest: number;
  /** Minutes without a value between the first and the last with one. */
  gaps: number;
}

/** Null where nothing is known. */
export function summaryOf(values: Values): Summary | null {
  const known = values.filter((each) => each !== null);
  if (known.length === 0) {
    return null;
  }
  const first = values.findIndex((each) => each !== null);
  const last = values.length - 1 - [...values].reverse().findIndex((each) => each !== null);
  return {
    last: values.at(-1) ?? null,
    lowest: Math.min(...known),
    highest: Math.max(...known),
    gaps: values.slice(first, last).filter((each) => each === null).length,
  };
}
