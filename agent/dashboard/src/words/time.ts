import type { Words } from "./en";

function inUnits(ms: number, words: Words, most: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const { s, m, h, d, gap } = words.units;
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), d],
    [Math.floor(seconds / 3600) % 24, h],
    [Math.floor(seconds / 60) % 60, m],
    [seconds % 60, s],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) {
    return `0${gap}${s}`;
  }
  return parts
    .slice(first, first + most)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => `${count}${gap}${unit}`)
    .join(" ");
}

/** "42 s", "3 m 10 s", "5 h 2 m", "3 d 4 h": the two largest units. */
export function duration(ms: number, words: Words): string {
  return inUnits(ms, words, 2);
}

/** "42 s", "3 m", "5 h", "3 d": the largest unit alone. */
export function shortDuration(ms: number, words: Words): string {
  return inUnits(ms, words, 1);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A moment for a title: the day, the time and the zone of the reader. */
export function moment(ms: number, language: string): string {
  // Making a format costs a thousand times as much as using it.
  let format = formats.get(language);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" });
    formats.set(language, format);
  }
  return format.format(ms);
}

/** 12,345: as both languages of the page write it. A format of Intl takes longer to make than the first table has time. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A moment to the minute, for a sentence. */
export function shortMoment(ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(ms);
}
