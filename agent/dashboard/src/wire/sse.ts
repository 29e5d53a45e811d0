// Server-Sent Events, read from the bytes of a fetch: EventSource can neither resume at a cursor of a list nor tell a 401.

export interface StreamEvent {
  event: string;
  data: string;
  id: string | null;
}

export interface SseHandlers {
  event(event: StreamEvent): void;
  comment(text: string): void;
}

/** Takes text as it comes, in any pieces, and calls the handlers for what is whole. */
export class SseParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #id: string | null = null;
  readonly #handlers: SseHandlers;

  constructor(handlers: SseHandlers) {
    this.#handlers = handlers;
  }

  push(text: string): void {
    const whole = this.#rest + text;
    let begin = 0;
    for (;;) {
      const end = whole.indexOf("\n", begin);
      if (end < 0) {
        break;
      }
      this.#line(whole.slice(begin, whole.charCodeAt(end - 1) === 13 && end > begin ? end - 1 : end));
      begin = end + 1;
    }
    this.#rest = whole.slice(begin);
  }

  #line(line: string): void {
    if (line === "") {
      this.#dispatch();
    } else if (line.startsWith(":")) {
      this.#handlers.comment(line.slice(1).trimStart());
    } else {
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
      this.#field(name, value);
    }
  }

  #field(name: string, value: string): void {
    if (name === "event") {
      this.#event = value;
    } else if (name === "data") {
      this.#data.push(value);
    } else if (name === "id") {
      this.#id = value;
    }
  }

  #dispatch(): void {
    if (this.#data.length > 0) {
      this.#handlers.event({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
    }
    this.#event = "";
    this.#data = [];
    this.#id = null;
  }
}
