import { beforeEach, describe, expect, it, vi } from "vitest";

// Who uses the page is kept once for the page: each test has a page of its own.
type Module = typeof import("../src/app/me");

const answerOf = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
const meOf = (name: string | null) => ({ name, role: name === null ? null : "operator", proof: "cookie", rights: { read: true }, version: "1", now: "2026-11-30T00:00:00Z" });

let me: Module;
let answers: ((answer: Response) => void)[];
let shown: () => void;
let hidden: boolean;

/** The oldest request that waits has this answer. */
async function answer(body: unknown, status = 200): Promise<void> {
  answers.shift()!(answerOf(body, status));
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers();
  answers = [];
  hidden = false;
  vi.stubGlobal("fetch", () => new Promise<Response>((done) => answers.push(done)));
  vi.stubGlobal("window", { setTimeout, clearTimeout });
  vi.stubGlobal("document", {
    get hidden() {
      return hidden;
    },
    addEventListener: (_: string, told: () => void) => (shown = told),
  });
  me = await import("../src/app/me");
});

describe("who uses the page", () => {
  it("is asked first, and again every five minutes", async () => {
    const first = me.firstMe();
    await answer(meOf("olga"));
    expect((await first)?.name).toBe("olga");
    expect(answers).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(answers).toHaveLength(1);
  });

  it("is asked again soon after an error, and stays who it was", async () => {
    const first = me.firstMe();
    await answer({ error: { code: "x", message: "no" } }, 503);
    expect(await first).toBeNull();
    await vi.advanceTimersByTimeAsync(3000);
    await answer(meOf("olga"));
    me.forgetMe();
    await answer({ error: { code: "x", message: "no" } }, 503);
    expect(me.knownNow()).toMatchObject({ me: { name: "olga" }, error: { status: 503 } });
  });

  it("is not asked in a hidden tab, and at once when the tab is shown again", async () => {
    void me.firstMe();
    await answer(meOf("olga"));
    hidden = true;
    await vi.advanceTimersByTimeAsync(6 * 60_000);
    expect(answers).toHaveLength(0);
    hidden = false;
    shown();
    expect(answers).toHaveLength(1);
  });

  it("is the one who has signed in, whatever an older question is answered", async () => {
    void me.firstMe();
    await answer(meOf(null));
    me.forgetMe();
    const signedIn = me.session.signIn("token");
    const old = answers.shift()!;
    await answer({});
    await answer(meOf("olga"));
    await signedIn;
    old(answerOf(meOf(null)));
    await vi.advanceTimersByTimeAsync(0);
    expect(me.knownNow().me?.name).toBe("olga");
  });

  it("has what was read forgotten at a sign-in and a sign-out, and read again for somebody else", async () => {
    const forgets: boolean[] = [];
    me.whenOthers((goOn) => forgets.push(goOn));
    void me.firstMe();
    await answer(meOf("olga"));
    me.forgetMe();
    await answer(meOf("ada"));
    expect(forgets).toEqual([true]);
    const out = me.session.signOut();
    await answer(meOf(null));
    await out;
    expect(forgets).toEqual([true, false]);
    expect(me.leftOnPurpose()).toBe(true);
  });
});
