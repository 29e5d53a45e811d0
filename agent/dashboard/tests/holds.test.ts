import { afterEach, describe, expect, it, vi } from "vitest";
import { changeHolds, serverPath, type HoldProgress } from "../src/wire/holds";

afterEach(() => vi.unstubAllGlobals());

function observer(refuses: string[]) {
  const asked: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push({ path, init });
    const refused = refuses.some((each) => path.includes(each));
    const body = refused ? { error: { code: "busy", message: "too many requests wait" } } : { hold: null };
    return new Response(JSON.stringify(body), { status: refused ? 503 : 200, headers: { "Content-Type": "application/json" } });
  });
  return asked;
}

describe("holds of several servers", () => {
  it("go on where one is refused, and say which", async () => {
    const asked = observer(["w3"]);
    const told: HoldProgress[] = [];
    const keys = ["w1", "w2", "w3", "w4", "w5", "w6"].map((id) => `world/${id}`);
    const end = await changeHolds(keys, { change: "drain", reason: "patch", deadline: "30m" }, (each) => told.push(each));
    expect(end.failed).toEqual([{ key: "world/w3", message: "too many requests wait" }]);
    expect([...end.done].sort()).toEqual(keys.filter((each) => each !== "world/w3"));
    expect(told.map((each) => each.left)).toEqual([5, 4, 3, 2, 1, 0]);
    expect(asked[0]!.path).toBe("/api/services/world/w1/drain");
    expect(JSON.parse(asked[0]!.init.body as string)).toEqual({ reason: "patch", deadline: "30m" });
    const sent = asked.map(({ init }) => (init.headers as Record<string, string>)["Idempotency-Key"]);
    expect(new Set(sent).size).toBe(keys.length);
  });

  it("leave out what was not asked for", async () => {
    const asked = observer([]);
    await changeHolds(["a/b"], { change: "drain", reason: "", deadline: "" }, () => {});
    await changeHolds(["a/b"], { change: "undrain", reason: "no", deadline: "1h" }, () => {});
    expect(asked.map(({ init }) => init.body)).toEqual(["{}", "{}"]);
  });

  it("go to the server that is named, whatever its name", () => {
    expect(serverPath("world/a b?#%/c")).toBe("/api/services/world/a%20b%3F%23%25%2Fc");
  });
});
