import { forgetWithPerson } from "../../app/person";
import { places } from "../../app/places";
import type { Key } from "../../fleet/row";

// A selection of the fleet page comes in the address of the form where it is short, and by the storage of the tab where it is long.
const IN_ADDRESS_MAX = 20;
const KEPT_AT = "outrider.drain.servers";

forgetWithPerson(forgetHandedOver);

/** The address of the form of drains for these servers; to be called when it is gone to. */
export function drainFormFor(keys: readonly Key[]): string {
  const form = places.drain("new");
  if (keys.length <= IN_ADDRESS_MAX) {
    return `${form}?servers=${keys.map(encodeURIComponent).join(",")}`;
  }
  window.sessionStorage.setItem(KEPT_AT, JSON.stringify(keys));
  return form;
}

/** The servers that the form begins with. They outlive a reload, and are forgotten when the drain has begun. */
export function handedOver(search: string): Key[] {
  const parameter = new URLSearchParams(search).get("servers");
  if (parameter !== null) {
    return unique(parameter.split(","));
  }
  try {
    const kept: unknown = JSON.parse(window.sessionStorage.getItem(KEPT_AT) ?? "[]");
    return Array.isArray(kept) ? unique(kept.filter((each) => typeof each === "string")) : [];
  } catch {
    return [];
  }
}

export function forgetHandedOver(): void {
  window.sessionStorage.removeItem(KEPT_AT);
}

function unique(servers: string[]): Key[] {
  return [...new Set(servers.map((each) => each.trim()).filter((each) => /^[^/]+\/[^/]+$/.test(each)))];
}
