import { describe, expect, it } from "vitest";
import { behind, bytesOfId, crumbsOf, idOf, isWithin, nameOf, parentOf, visible } from "../src/pages/keys/names";
import { isFollowed } from "../src/pages/keys/place";
import { fold, readPart, rootEntries } from "../src/pages/keys/tree";
import { bodyOf, diffLines, formatsOf, prettyJson, shownAs } from "../src/pages/keys/value";
import type { KeyInfo, KeyPage } from "../src/wire/types";

const info = (key: string): KeyInfo => ({ key, id: idOf(key), size: 1, revision: 1, lease: null });

/** An observer with these keys. */
function observer(keys: string[], limit: number) {
  const sorted = [...keys].sort();
  const asked: (string | null)[] = [];
  const ask = (prefix: string) => async (after: string | null): Promise<KeyPage> => {
    asked.push(after);
    const bytes = (text: string) => Buffer.from(text);
    const rest = sorted.filter((key) => key.startsWith(prefix) && (after === null || Buffer.compare(bytes(key), Buffer.from(bytesOfId(after))) > 0));
    const page = rest.slice(0, limit).map(info);
    return { keys: page, revision: 7, next: rest.length > limit ? page.at(-1)!.id : null, roots: ["/s/"], readOnly: "/s/audit/" };
  };
  return { ask, asked };
}

describe("the name of a key", () => {
  it("is its bytes in base64url", () => {
    expect(idOf("/services/world/w1")).toBe("L3NlcnZpY2VzL3dvcmxkL3cx");
    expect(nameOf({ id: idOf("/키/a"), key: "/키/a" })).toBe("/키/a");
    expect(nameOf({ id: "_wBc" })).toBe("\\xff\\x00\\x5c");
  });

  it("hides nothing", () => {
    expect(visible("a\u202eb\u0000 키")).toBe("a\\u202eb\\u0000 키");
  });

  it("is on a way", () => {
    expect(crumbsOf("/services/world/w")).toEqual([
      { text: "/services/", prefix: "/services/" },
      { text: "world/", prefix: "/services/world/" },
      { text: "w", prefix: "/services/world/w" },
    ]);
    expect(crumbsOf("")).toEqual([]);
    expect(parentOf("/services/world/")).toBe("/services/");
    expect(parentOf("/services/")).toBe("");
    expect(parentOf("")).toBeNull();
    expect(isWithin("/s/a", ["/s/"])).toBe(true);
    expect(isWithin("/s", ["/s/"])).toBe(false);
    expect(isWithin("/s", [""])).toBe(true);
  });

  it("with all that is below it can be skipped", () => {
    expect(Buffer.compare(Buffer.from(bytesOfId(behind("/s/a/"))), Buffer.from("/s/a/\u{10ffff}z"))).toBe(1);
    expect(Buffer.compare(Buffer.from(bytesOfId(behind("/s/a/"))), Buffer.from("/s/a0"))).toBe(-1);
  });
});

describe("keys as folders", () => {
  it("stand by their next segment", () => {
    expect(fold([], ["/s/a", "/s/a/1", "/s/a/2", "/s/b/1", "/s/c"].map(info), "/s/").map((each) => (each.kind === "key" ? each.info.key : each))).toEqual([
      "/s/a",
      { kind: "folder", prefix: "/s/a/", count: 2, more: false },
      { kind: "folder", prefix: "/s/b/", count: 1, more: false },
      "/s/c",
    ]);
    expect(fold([], ["/s/a"].map(info), "").map((each) => each.kind === "folder" && each.prefix)).toEqual(["/s/"]);
    expect(fold([], [{ ...info(""), key: undefined, id: "_w" }], "/s/")[0]?.kind).toBe("key");
  });

  it("are found in few requests, however many keys they have", async () => {
    const many = Array.from({ length: 5000 }, (_, index) => `/s/big/${String(index).padStart(5, "0")}`);
    const { ask, asked } = observer([...many, "/s/a", "/s/last/1", "/s/zoo"], 100);
    const part = await readPart(ask("/s/"), "/s/", null, false);
    expect(asked.length).toBe(2);
    expect(part.next).toBeNull();
    expect(part.entries.map((each) => (each.kind === "key" ? each.info.key : [each.prefix, each.count, each.more]))).toEqual([
      "/s/a",
      ["/s/big/", 99, true],
      ["/s/last/", 1, false],
      "/s/zoo",
    ]);
  });

  it("go on where the part before ended", async () => {
    const keys = Array.from({ length: 450 }, (_, index) => `/s/k${String(index).padStart(3, "0")}`);
    const { ask } = observer(keys, 100);
    const found: string[] = [];
    let after: string | null = null;
    do {
      const part = await readPart(ask("/s/"), "/s/", after, false);
      found.push(...part.entries.map((each) => (each.kind === "key" ? each.info.key! : "")));
      after = part.next;
    } while (after !== null);
    expect(found).toEqual(keys);
  });

  it("begin with what the observer shows", () => {
    expect(rootEntries(["/a/", "/b/"])?.length).toBe(2);
    expect(rootEntries([""])).toBeNull();
  });
});

describe("the value of a key", () => {
  it("is laid out without changing its numbers and texts", () => {
    expect(prettyJson('{"a":12345678901234567890,"b":[],"c":{"d":"x,{\\"}"},"e":[1.0,true]}')).toBe(
      '{\n  "a": 12345678901234567890,\n  "b": [],\n  "c": {\n    "d": "x,{\\"}"\n  },\n  "e": [\n    1.0,\n    true\n  ]\n}',
    );
    expect(prettyJson("12")).toBeNull();
    expect(prettyJson("{")).toBeNull();
  });

  it("is shown as what it is", () => {
    expect(formatsOf({ value: "{}" })[0]).toBe("json");
    expect(formatsOf({ value: "a b" })[0]).toBe("text");
    expect(formatsOf({ valueBase64: "AP8=" })).toEqual(["hex", "base64"]);
    expect(shownAs({ valueBase64: "AP9B" }, "hex")).toMatch(/^000000  00 ff 41 +··A$/);
    expect(shownAs({ value: "é" }, "base64")).toBe("w6k=");
  });

  it("is written as text or as bytes", () => {
    expect(bodyOf("a", false)).toEqual({ value: "a" });
    expect(bodyOf("AP\n8=", true)).toEqual({ valueBase64: "AP8=" });
    expect(bodyOf("%", true)).toBeNull();
  });

  it("is compared by lines", () => {
    const [left, right] = diffLines("a\nb\nc", "a\nx\ny\nc");
    expect(left.map((each) => each.changed)).toEqual([false, true, false]);
    expect(right.map((each) => each.changed)).toEqual([false, true, true, false]);
  });
});

describe("a key that is open", () => {
  it("is read from time to time where the changes of its folder are not heard", () => {
    expect(isFollowed("/services/a/b", "/services/a/", true)).toBe(true);
    expect(isFollowed("/settings/motd", "/services/a/", true)).toBe(false);
    expect(isFollowed("/services/a/b", "/services/a/", false)).toBe(false);
  });
});
