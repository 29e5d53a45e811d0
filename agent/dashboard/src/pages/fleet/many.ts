import { forgetWithPerson } from "../../app/person";
import { places } from "../../app/places";
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

// The form takes a short selection from its address, a long one from the storage of the tab.
const IN_ADDRESS_MAX = 20;
const KEPT_AT = "outrider.drain.servers";

/** The address of the form of drains for these servers; to be called when it is gone to. */
export function drainFormFor(keys: readonly Key[]): string {
  const form = places.drain("new");
  if (keys.length <= IN_ADDRESS_MAX) {
    return `${form}?servers=${keys.map(encodeURIComponent).join(",")}`;
  }
  window.sessionStorage.setItem(KEPT_AT, JSON.stringify(keys));
  return form;
}

forgetWithPerson(() => window.sessionStorage.removeItem(KEPT_AT));
