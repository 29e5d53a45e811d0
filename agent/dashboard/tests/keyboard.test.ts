import { describe, expect, it } from "vitest";
import { Keyboard, keyName, type Shortcut, type Stroke } from "../src/app/keyboard";

const stroke = (key: string, part: Partial<Stroke> = {}): Stroke => ({ key, code: "", repeat: false, inField: false, at: 0, ...part });
const shortcut = (keys: string | string[], part: Partial<Shortcut> = {}): Shortcut => ({ keys, run: () => {}, ...part });
const found = (keyboard: Keyboard, key: string, part: Partial<Stroke> = {}) => keyboard.find(stroke(key, part)).map((each) => each.keys);

describe("the shortcuts of the page", () => {
  it("name a key by its letter, and by its place where the letter is not Latin", () => {
    expect(keyName("j", "KeyJ")).toBe("j");
    expect(keyName("J", "KeyJ")).toBe("j");
    expect(keyName("ㅓ", "KeyJ")).toBe("j");
    expect(keyName("Process", "KeyJ")).toBe("j");
    expect(keyName("a", "KeyQ")).toBe("a"); // a French keyboard
    expect(keyName("?", "Slash")).toBe("?");
    expect(keyName("Enter", "Enter")).toBe("Enter");
  });

  it("have sequences, which end with another key or after a while", () => {
    const keyboard = new Keyboard();
    keyboard.add([shortcut("g f"), shortcut("g d"), shortcut(["f", "ArrowUp"]), shortcut("d")]);
    expect(found(keyboard, "g")).toEqual([]);
    expect(found(keyboard, "d", { at: 900 })).toEqual(["g d"]);
    expect(found(keyboard, "d", { at: 1000 })).toEqual(["d"]);
    found(keyboard, "g");
    expect(found(keyboard, "f", { at: 5000 })).toEqual([["f", "ArrowUp"]]);
    found(keyboard, "g");
    found(keyboard, "x", { at: 1 });
    expect(found(keyboard, "d", { at: 2 })).toEqual(["d"]);
  });

  it("leave a text that is typed alone, but for those that want it", () => {
    const keyboard = new Keyboard();
    keyboard.add([shortcut("j"), shortcut("Escape", { inFields: true }), shortcut("Enter"), shortcut("g f")]);
    expect(found(keyboard, "j", { inField: true })).toEqual([]);
    expect(found(keyboard, "Enter", { inField: true })).toEqual([]);
    expect(found(keyboard, "Escape", { inField: true })).toEqual(["Escape"]);
    found(keyboard, "g", { inField: true });
    expect(found(keyboard, "f")).toEqual([]);
  });

  it("run once for a key that is held, unless they want more", () => {
    const keyboard = new Keyboard();
    keyboard.add([shortcut("j", { repeats: true }), shortcut("x")]);
    expect(found(keyboard, "j", { repeat: true })).toEqual(["j"]);
    expect(found(keyboard, "x", { repeat: true })).toEqual([]);
  });

  it("of single characters can be switched off", () => {
    const keyboard = new Keyboard();
    keyboard.add([shortcut("j"), shortcut("?"), shortcut("g f"), shortcut("Escape"), shortcut("ArrowDown")]);
    keyboard.letters = false;
    expect(["j", "?", "g", "f", "Escape", "ArrowDown"].flatMap((key) => found(keyboard, key))).toEqual(["Escape", "ArrowDown"]);
  });

  it("that came last are asked first, and go as they came", () => {
    const keyboard = new Keyboard();
    keyboard.add([shortcut("d", { does: "old" })]);
    const remove = keyboard.add([shortcut("d", { does: "new" })]);
    expect(keyboard.find(stroke("d")).map((each) => each.does)).toEqual(["new", "old"]);
    remove();
    expect(keyboard.find(stroke("d")).map((each) => each.does)).toEqual(["old"]);
  });
});
