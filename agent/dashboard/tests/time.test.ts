import { describe, expect, it } from "vitest";
import { en } from "../src/words/en";
import { ko } from "../src/words/ko";
import { duration, shortDuration } from "../src/words/time";

const S = 1000;
const M = 60 * S;
const H = 60 * M;

describe("a span of time", () => {
  it("has its two largest units, and none that is 0", () => {
    expect([0, 42 * S, 3 * M + 10 * S, 5 * H, 5 * H + 30 * S, 26 * H, -5].map((ms) => duration(ms, en))).toEqual(["0 s", "42 s", "3 m 10 s", "5 h", "5 h", "1 d 2 h", "0 s"]);
    expect(duration(3 * M + 10 * S, ko)).toBe("3분 10초");
  });

  it("has the largest alone where there is little room", () => {
    expect([999, 3 * M + 10 * S, 26 * H].map((ms) => shortDuration(ms, en))).toEqual(["0 s", "3 m", "1 d"]);
    expect(shortDuration(3 * M + 10 * S, ko)).toBe("3분");
  });
});
