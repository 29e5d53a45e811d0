import type { Key } from "../../fleet/row";

/** Up to so many are drained one by one; more are a drain of many servers, with waves and a look before it. */
export const DIRECT_AT_MOST = 5;

/**
 * What a key of the table is about: the selection, or the row that is active. None while a server is open: d and u mean that one alone,
 * and where it has nothing to do they do nothing, as the row that the table has marked may be another.
 */
export function targetsOf(opened: Key | null, selection: ReadonlySet<Key>, active: Key | null): readonly Key[] {
  if (opened !== null) {
    return [];
  }
  return selection.size > 0 ? [...selection] : active === null ? [] : [active];
}
