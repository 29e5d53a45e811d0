// Emotion writes its rules into style elements, which the policy of the page (style-src 'self') forbids. This sheet has the
// same members and keeps the rules in a constructed style sheet, which needs no element.
export interface SheetOptions {
  key: string;
  container?: Node;
  nonce?: string;
  speedy?: boolean;
}

export class ConstructedSheet {
  readonly isSpeedy = true;
  readonly tags: HTMLStyleElement[] = [];
  readonly key: string;
  readonly container: Node;
  readonly nonce: string | undefined;
  before: Element | null = null;
  #rules = new CSSStyleSheet();

  constructor(options: SheetOptions) {
    this.key = options.key;
    this.container = options.container ?? document.head;
    this.nonce = options.nonce;
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#rules];
  }

  hydrate(): void {}

  insert(rule: string): void {
    try {
      this.#rules.insertRule(rule, this.#rules.cssRules.length);
    } catch {
      // A browser refuses the prefixed rules of other browsers; Emotion's own sheet leaves them out as well.
    }
  }

  flush(): void {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#rules);
    this.#rules = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#rules];
  }
}
