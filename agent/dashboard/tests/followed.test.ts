import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { follow } from "../src/parts/useFollowed";

let body: ReadableStreamDefaultController<Uint8Array>;
const say = (text: string) => body.enqueue(new TextEncoder().encode(text));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    signal.addEventListener("abort", () => body.error(new DOMException("", "AbortError")));
    return new Response(new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) }));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a stream that is followed", () => {
  it("ends when nothing is heard of it: what it would keep current is asked for again", async () => {
    let ended = false;
    const told = vi.fn();
    void follow("/api/keys/watch", new AbortController().signal, told, () => {}).catch(() => {}).then(() => (ended = true));
    for (let count = 0; count < 4; count++) {
      await vi.advanceTimersByTimeAsync(15_000);
      say(": now\n\n");
    }
    say("data: {}\n\n");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toBe(false);
    expect(told).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(ended).toBe(true);
  });

  it("ends when it is stopped", async () => {
    let ended = false;
    const stop = new AbortController();
    void follow("/api/keys/watch", stop.signal, () => {}, () => {}).catch(() => {}).then(() => (ended = true));
    await vi.advanceTimersByTimeAsync(10);
    stop.abort();
    await vi.advanceTimersByTimeAsync(10);
    expect(ended).toBe(true);
  });
});
