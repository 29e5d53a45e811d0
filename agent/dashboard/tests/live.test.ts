import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Live, OFFLINE_SHOWN_MS } from "../src/fleet/live";
import type { ServerRecord } from "../src/wire/types";

// A page without a browser: what Live and Connection need of one, and an observer that answers by hand.
let body: ReadableStreamDefaultController<Uint8Array>;
let asked: string[];
let answers: Record<string, () => Promise<Response>>;
let visibility: () => void;
let page: { hidden: boolean };

const server = (id: string): ServerRecord => ({ id, type: "world", status: "ready" });
const json = (value: unknown, status = 200) => Promise.resolve(new Response(JSON.stringify(value), { status }));
const now = () => new Date(Date.now()).toISOString();
const list = (...ids: string[]) => () => json({ services: ids.map(server), cursor: "1-a", stale: false, ageMs: 0, now: now() });
const gone = (id: string) => ({ type: "world", id, status: "error", goneAt: now(), why: "lease_expired", record: server(id) });
const stream = () => Promise.resolve(new Response(new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) })));
const never = () => new Promise<Response>(() => {});
const tell = (event: string, data: unknown) => body.enqueue(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
const settle = (ms = 300) => vi.advanceTimersByTimeAsync(ms);
const hide = (hidden: boolean) => {
  page.hidden = hidden;
  visibility();
};
const rows = (live: Live) => [...live.store.rows()].map((row) => `${row.record.id}:${row.status}`).sort();

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answers = { "/api/services": list("a", "b"), "/api/offline": () => json({ servers: [] }), "/api/subscribe": stream };
  page = { hidden: false };
  vi.stubGlobal("document", Object.assign(page, { addEventListener: (_: string, told: () => void) => (visibility = told) }));
  vi.stubGlobal("window", { setTimeout, clearTimeout, setInterval, clearInterval, requestAnimationFrame: (run: () => void) => setTimeout(run, 16) });
  vi.stubGlobal("fetch", (path: string, { signal }: { signal?: AbortSignal }) => {
    const name = path.replace(/\?.*/, "");
    asked.push(name);
    return new Promise((done, failed) => {
      signal?.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
      answers[name]!().then(done, failed);
    });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function begun() {
  const live = new Live();
  live.start();
  await settle();
  expect(live.liveness().phase).toBe("streaming");
  return live;
}

describe("the fleet of a stream", () => {
  it("that begins again and breaks off has no servers of the part that was told before", async () => {
    const live = await begun();
    tell("init", server("ghost"));
    await settle();
    body.close();
    await settle(2000);
    expect(live.liveness().phase).toBe("streaming");
    tell("init", server("a"));
    tell("synced", {});
    await settle();
    expect(rows(live)).toEqual(["a:ready"]);
  });

  it("that begins again still shows who went without a word", async () => {
    const live = await begun();
    answers["/api/offline"] = () => json({ servers: [gone("b")] });
    tell("init", server("a"));
    tell("synced", {});
    await settle();
    expect(rows(live)).toEqual(["a:ready", "b:offline"]);
  });

  it("that goes on after a break shows who went without a word meanwhile", async () => {
    const live = await begun();
    answers["/api/offline"] = () => json({ servers: [gone("b")] });
    body.close();
    await settle(2000);
    tell("remove", { type: "world", id: "b" });
    tell("state", { stale: false, ageMs: 0, reason: null, now: now() });
    await settle();
    expect(rows(live)).toEqual(["a:ready", "b:offline"]);
  });

  it("shows those of whom so many went at once that they are not named", async () => {
    const live = await begun();
    answers["/api/offline"] = () => json({ servers: [gone("a"), gone("b")] });
    tell("remove", { type: "world", id: "a" });
    tell("remove", { type: "world", id: "b" });
    tell("notice", { code: "many_offline", count: 2 });
    await settle();
    expect(rows(live)).toEqual(["a:offline", "b:offline"]);
  });

  it("does not show as gone who is back before the answer", async () => {
    const live = await begun();
    answers["/api/offline"] = () => json({ servers: [gone("c")] });
    tell("update", server("c"));
    tell("notice", { code: "many_offline", count: 1 });
    await settle();
    expect(rows(live)).toEqual(["a:ready", "b:ready", "c:ready"]);
  });

  it("does not keep who is gone for ever", async () => {
    const live = await begun();
    tell("offline", gone("b"));
    await settle();
    expect(rows(live)).toEqual(["a:ready", "b:offline"]);
    for (let ms = 0; ms <= OFFLINE_SHOWN_MS; ms += 15_000) {
      body.enqueue(new TextEncoder().encode(": \n"));
      await settle(15_000);
    }
    expect(rows(live)).toEqual(["a:ready"]);
  });

  it("is not filled again by an answer that comes after the sign-out", async () => {
    let answer = (_: Response) => {};
    answers["/api/offline"] = () => new Promise((done) => (answer = done));
    const live = await begun();
    live.close();
    answer(await json({ servers: [gone("z")] }));
    await settle();
    expect(rows(live)).toEqual([]);
  });
});

describe("a connection", () => {
  it("that nobody answers is given up and tried again", async () => {
    const live = await begun();
    answers["/api/subscribe"] = never;
    body.close();
    await settle(2000);
    expect(live.liveness().phase).toBe("opening");
    answers["/api/subscribe"] = stream;
    await settle(43_000);
    expect(live.liveness().phase).toBe("streaming");
  });

  it("that is refused is tried again after a while, and what is shown until then is old", async () => {
    const live = await begun();
    answers["/api/subscribe"] = () => json({ error: { code: "role" } }, 403);
    hide(true);
    await settle(31_000);
    expect(live.liveness().phase).toBe("asleep");
    hide(false);
    await settle();
    expect(live.liveness().phase).toBe("refused");
    expect(live.liveness().lostSince).not.toBeNull();
    answers["/api/subscribe"] = stream;
    await settle(61_000);
    expect(live.liveness()).toMatchObject({ phase: "streaming", lostSince: null });
  });

  it("shows what it has as old after a sleep, until it is heard again", async () => {
    const live = await begun();
    hide(true);
    await settle(31_000);
    answers["/api/subscribe"] = never;
    hide(false);
    await settle();
    expect(live.liveness().phase).toBe("opening");
    expect(live.liveness().lostSince).not.toBeNull();
  });

  it("stays closed when its tab was hidden before the sign-out", async () => {
    const live = await begun();
    hide(true);
    live.close();
    await settle(40_000);
    asked = [];
    hide(false);
    await settle(70_000);
    expect(live.liveness().phase).toBe("idle");
    expect(asked).toEqual([]);
  });
});
