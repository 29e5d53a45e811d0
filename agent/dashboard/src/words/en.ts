import type { ShownStatus } from "../fleet/row";
import { hold } from "./en/hold";
import { server } from "./en/server";
import { why } from "./en/why";
import { shell } from "./en/shell";
import { fleet } from "./en/fleet";

// The words of the page. ko.ts has the same members: the compiler checks it. A text with a part that varies is a function.
export const en = {
  statuses: {
    ready: "ready",
    error: "error",
    draining: "draining",
    initializing: "initializing",
    shutting_down: "shutting down",
    offline: "offline",
    unknown: "unknown",
  } satisfies Record<ShownStatus, string>,
  nav: {
    fleet: "Fleet",
    drains: "Drains",
    activity: "Activity",
    audit: "Audit",
    sessions: "Sessions and leaders",
    keys: "Keys",
    about: "About",
    menu: "Menu",
    skip: "Skip to the content",
  },
  shell,
  language: "Language",
  theme: { title: "Theme", light: "Light", dark: "Dark", system: "As the system" },
  ago: (text: string) => `${text} ago`,
  inTime: (text: string) => `in ${text}`,
  units: { s: "s", m: "m", h: "h", d: "d", gap: " " },
  states: {
    loading: "Loading the fleet…",
    staleTitle: (age: string) => `The registry is out of touch for ${age}: this is the last known state`,
    lostTitle: (age: string) => `No word from the observer for ${age}: this is the last known state`,
    lostHint: "The page tries again by itself.",
    stopping: "The observer stops: the page waits for it or another one.",
    notKnown: "The observer has not read the fleet yet",
    notKnownHint: "It asks the registry again by itself. This page shows the fleet as soon as it is known.",
    refusedTitle: "You may not see this",
    newVersion: "The observer has another version now.",
    reload: "Reload the page",
    retry: "Try again",
    failed: "This could not be read",
  },
  signIn: {
    title: "Sign in",
    token: "Token",
    hint: "The token that `outrider token add` has shown.",
    submit: "Sign in",
    out: "Sign out",
    wrong: "This token is not known.",
    as: (name: string, role: string) => `${name} (${role})`,
    anonymous: "not signed in",
    roles: { viewer: "viewer", service: "service", operator: "operator", admin: "admin" },
  },
  common: {
    copy: "Copy",
    copied: "Copied",
    cancel: "Cancel",
    close: "Close",
    more: "Show more",
    none: "–",
    unknown: "not known",
    takesRole: (role: string) => `This takes the role ${role}.`,
  },
  hold,
  server,
  why,
  fleet,
};

export type Words = typeof en;
