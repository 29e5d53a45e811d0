import { grouped } from "../time";

export const hold = {
  drain: "Drain",
  undrain: "Undrain",
  drainOf: (what: string) => `Drain ${what}`,
  undrainOf: (what: string) => `Undrain ${what}`,
  servers: (count: number) => `${count} servers`,
  drainHint: "It takes no new players. Those who are there stay until they leave or the deadline has passed.",
  undrainHint: "The hold of an operator is lifted, and the server takes players again once it is ready.",
  heldBy: "Held by",
  noHold: "The record has no hold of an operator.",
  playersThere: (count: number) => (count === 1 ? "1 player is there now." : `${grouped(count)} players are there now.`),
  reason: "Reason",
  reasonHint: "Shown to everybody who sees the server.",
  deadline: "Deadline",
  deadlines: { "": "as the server has it", "0s": "none: until all have left", "10m": "10 minutes", "30m": "30 minutes", "1h": "1 hour", "2h": "2 hours", "8h": "8 hours" },
  progress: (done: number, all: number) => `${done} of ${all} done`,
  failed: (count: number) => (count === 1 ? "One server was not changed" : `${count} servers were not changed`),
  asked: (what: string) => `${what}: asked for`,
  askedHint: "The observer has it. The server's agent follows at once, or as soon as it can be reached.",
  again: "Try these again",
};
