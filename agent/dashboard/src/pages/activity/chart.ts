// The numbers of the chart of the fleet and the paths that they become, without React.
import type { FleetHistory } from "../../wire/types";

export type Values = (number | null)[];

/** From the bottom: what is well is the ground on which trouble stands. */
export const STACK = ["ready", "initializing", "draining", "shutting_down", "unknown", "error"] as const;
export type StackStatus = (typeof STACK)[number];

export interface Series {
  minutes: number;
  /** Of the last value, ms. */
  until: number;
  stepMs: number;
  players: Values;
  seats: Values;
  servers: Record<StackStatus, Values>;
}

function sum(lists: readonly (readonly (number | null)[] | undefined)[], minutes: number): Values {
  return Array.from({ length: minutes }, (_, at) => {
    let all: number | null = null;
    for (const list of lists) {
      // Lists end with the same minute; a type that came later has a shorter one.
      const value = list?.[at - minutes + list.length];
      if (value != null) {
        all = (all ?? 0) + value;
      }
    }
    return all;
  });
}

/** Of one type, or of all where `type` is empty. */
export function seriesOf(history: FleetHistory, type: string): Series {
  const types = Object.entries(history.types)
    .filter(([name]) => type === "" || name === type)
    .map(([, each]) => each);
  const of = (pick: (each: (typeof types)[number]) => (number | null)[] | undefined) => sum(types.map(pick), history.minutes);
  return {
    minutes: history.minutes,
    until: Date.parse(history.until),
    stepMs: history.step * 1000,
    players: of((each) => each.players),
    seats: of((each) => each.seats),
    servers: Object.fromEntries(STACK.map((status) => [status, of((each) => each.servers[status])])) as Series["servers"],
  };
}

/** A round number, the least that is not below `most`. */
export function niceMax(most: number): number {
  if (most <= 1) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((each) => each * power).find((each) => each >= most)!;
}

export interface Box {
  width: number;
  height: number;
  max: number;
}

const at = (index: number, count: number, box: Box) => (count < 2 ? box.width : (index / (count - 1)) * box.width);
const up = (value: number, box: Box) => box.height - (value / box.max) * box.height;
const round = (value: number) => Math.round(value * 10) / 10;

/** A line with a gap where nothing is known. */
export function linePath(values: Values, box: Box): string {
  let path = "";
  let drawn = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawn = false;
      return;
    }
    path += `${drawn ? "L" : "M"}${round(at(index, values.length, box))} ${round(up(value, box))}`;
    drawn = true;
  });
  return path;
}

/** The area between two lines, in as many pieces as both are known in. */
export function areaPath(below: Values, above: Values, box: Box): string {
  let path = "";
  let piece: number[] = [];
  const close = () => {
    if (piece.length > 0) {
      const x = (index: number) => round(at(index, above.length, box));
      path += piece.map((index, first) => `${first === 0 ? "M" : "L"}${x(index)} ${round(up(above[index]!, box))}`).join("");
      path += `${piece.reverse().map((index) => `L${x(index)} ${round(up(below[index]!, box))}`).join("")}Z`;
    }
    piece = [];
  };
  above.forEach((value, index) => {
    if (value === null || below[index] == null) {
      close();
    } else {
      piece.push(index);
    }
  });
  close();
  return path;
}

/** The lines between the layers of a stack, the bottom first: one more than there are layers. */
export function stack(layers: readonly Values[]): Values[] {
  const count = layers[0]?.length ?? 0;
  const lines: Values[] = [Array.from({ length: count }, (_, index) => (layers.every((layer) => layer[index] == null) ? null : 0))];
  for (const layer of layers) {
    const below = lines.at(-1)!;
    lines.push(below.map((value, index) => (value === null ? null : value + (layer[index] ?? 0))));
  }
  return lines;
}

export function maxOf(...lists: Values[]): number {
  return lists.reduce((most, list) => list.reduce<number>((all, value) => Math.max(all, value ?? 0), most), 0);
}

/** Full hours to write below, some six of them, but where they would be cut at the ends. */
export function ticks(series: Series): { index: number; at: number }[] {
  const hours = series.minutes / 60;
  const stepMinutes = hours > 12 ? 240 : hours > 6 ? 120 : hours > 3 ? 60 : hours > 1 ? 30 : 10;
  const found = [];
  for (let index = 0; index < series.minutes; index++) {
    const share = index / (series.minutes - 1);
    const moment = series.until - (series.minutes - 1 - index) * series.stepMs;
    const local = new Date(moment);
    if (share > 0.05 && share < 0.95 && (local.getHours() * 60 + local.getMinutes()) % stepMinutes === 0) {
      found.push({ index, at: moment });
    }
  }
  return found;
}
