import type { FleetHistory } from "../../wire/types";

const MINUTES = 60;

/** The players of some types (none: of all) in each minute of the last hour; null where no type is known. */
export function lastHour(history: FleetHistory, types: ReadonlySet<string>): (number | null)[] {
  const values: (number | null)[] = Array.from({ length: MINUTES }, () => null);
  for (const [type, { players }] of Object.entries(history.types)) {
    if (types.size > 0 && !types.has(type)) {
      continue;
    }
    const last = players.slice(-MINUTES);
    last.forEach((value, index) => {
      const at = MINUTES - last.length + index;
      if (value !== null) {
        values[at] = (values[at] ?? 0) + value;
      }
    });
  }
  return values;
}
