// The shortcuts of the page without a browser: which one a key is for. app/keys.ts connects it to the document.

export interface Shortcut {
  /** As KeyboardEvent.key has it, letters in lower case: "j", "/", "?", "Enter", "Escape". "g f": one after the other. An array: any of them. */
  keys: string | readonly string[];
  /** What it does, for the list of shortcuts; without it, it is not in the list. */
  does?: string;
  /** Where it stands in the list: by itself what holds for this page alone. */
  group?: "anywhere" | "page";
  /** Also while a text is typed, as Escape may. */
  inFields?: boolean;
  /** Again and again while the key is held, as j and k do. */
  repeats?: boolean;
  /** False: there was nothing to do, and the next shortcut or the browser has the key. */
  run(event: KeyboardEvent): void | false;
}

/** What a shortcut is chosen by. */
export interface Stroke {
  key: string;
  code: string;
  repeat: boolean;
  inField: boolean;
  at: number;
}

const SEQUENCE_MS = 1500;

/** The name of a key. A Korean keyboard has ㅓ where a Latin one has j: the place of the key counts for letters that are not Latin. */
export function keyName(key: string, code: string): string {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter !== undefined && !/^[a-zA-Z]$/.test(key)) {
    return letter.toLowerCase();
  }
  return key.length === 1 ? key.toLowerCase() : key;
}

/** Whether it is typed as text: such shortcuts can be switched off, as dictation and a cat type them as well. */
export function isCharacter(name: string): boolean {
  return [...name].length === 1 && name !== " ";
}

export class Keyboard {
  #layers: (readonly Shortcut[])[] = [];
  #begun: { key: string; at: number } | null = null;
  letters = true;

  /** Adds shortcuts, before those that are there. Returns how to take them out. */
  add(shortcuts: readonly Shortcut[]): () => void {
    this.#layers = [shortcuts, ...this.#layers];
    return () => {
      this.#layers = this.#layers.filter((each) => each !== shortcuts);
    };
  }

  /** All that there are, the last added first. */
  all(): readonly Shortcut[] {
    return this.#layers.flat();
  }

  /** The shortcuts that the key is for, in the order in which they may have it. */
  find(stroke: Stroke): readonly Shortcut[] {
    const name = keyName(stroke.key, stroke.code);
    if (isCharacter(name) && (!this.letters || stroke.inField)) {
      this.#begun = null;
      return [];
    }
    const begun = this.#begun;
    this.#begun = null;
    if (begun !== null && stroke.at - begun.at <= SEQUENCE_MS) {
      const both = this.#match(`${begun.key} ${name}`, stroke);
      if (both.length > 0) {
        return both;
      }
    }
    if (!stroke.repeat && !stroke.inField && this.#begins(name)) {
      this.#begun = { key: name, at: stroke.at };
    }
    return this.#match(name, stroke);
  }

  #begins(name: string): boolean {
    return this.all().some((each) => listOf(each.keys).some((keys) => keys.startsWith(`${name} `) && keys.length > name.length + 1));
  }

  #match(keys: string, stroke: Stroke): Shortcut[] {
    return this.all().filter(
      (each) => listOf(each.keys).includes(keys) && (!stroke.inField || each.inFields === true) && (!stroke.repeat || each.repeats === true),
    );
  }
}

export function listOf(keys: string | readonly string[]): readonly string[] {
  return typeof keys === "string" ? [keys] : keys;
}
