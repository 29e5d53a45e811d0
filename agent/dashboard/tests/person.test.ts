import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const draft = { text: "secret", asBytes: false, base: 1 };

async function fresh() {
  vi.resetModules();
  const { personIs } = await import("../src/app/person");
  const { draftFor, keepDraft } = await import("../src/pages/keys/drafts");
  personIs("olga");
  keepDraft("a", draft);
  return { personIs, draftFor };
}

beforeEach(() => {
  vi.stubGlobal("window", { addEventListener: () => {} });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("what somebody has typed", () => {
  it("is gone after the sign-out, for whoever comes next", async () => {
    const { personIs, draftFor } = await fresh();
    personIs(null, true);
    expect(draftFor("a")).toBeNull();
  });

  it("is gone once somebody else is signed in", async () => {
    const { personIs, draftFor } = await fresh();
    personIs(null);
    expect(personIs("ivan")).toBe(true);
    expect(personIs("ivan")).toBe(false);
    expect(draftFor("a")).toBeNull();
  });

  it("outlives a session of the same person that has run out", async () => {
    const { personIs, draftFor } = await fresh();
    personIs(null);
    personIs("olga");
    expect(draftFor("a")).toEqual(draft);
  });
});
