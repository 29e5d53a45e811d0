import { describe, expect, it } from "vitest";
import { SseParser, type StreamEvent } from "../src/wire/sse";

function parse(...pieces: string[]) {
  const events: StreamEvent[] = [];
  const comments: string[] = [];
  const parser = new SseParser({ event: (event) => events.push(event), comment: (text) => comments.push(text) });
  for (const piece of pieces) {
    parser.push(piece);
  }
  return { events, comments };
}

describe("the events of a stream", () => {
  const text = 'event: update\ndata: {"id":"w1"}\nid: 6-8c\n\n: now=2026-11-30T07:08:00.000Z\n\nevent: remove\r\ndata: a\r\ndata: b\r\n\r\n';
  const whole = {
    events: [
      { event: "update", data: '{"id":"w1"}', id: "6-8c" },
      { event: "remove", data: "a\nb", id: null },
    ],
    comments: ["now=2026-11-30T07:08:00.000Z"],
  };

  it("are read as a whole", () => {
    expect(parse(text)).toEqual(whole);
  });

  it("are the same wherever the text is cut", () => {
    for (let cut = 0; cut <= text.length; cut++) {
      expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    }
  });

  it("are not told before their end", () => {
    expect(parse("event: update\ndata: 1\n").events).toEqual([]);
  });
});
