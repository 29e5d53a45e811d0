import { forgetWithPerson } from "../../app/person";

// What was typed and not saved, of one person. It outlives the pane of its key: another key may be looked at meanwhile.
export interface Draft {
  text: string;
  asBytes: boolean;
  /** The revision that it began with. */
  base: number;
}

const drafts = new Map<string, Draft>();

export function draftFor(id: string): Draft | null {
  return drafts.get(id) ?? null;
}

export function keepDraft(id: string, draft: Draft | null): void {
  if (draft === null) {
    drafts.delete(id);
  } else {
    drafts.set(id, draft);
  }
}

forgetWithPerson(() => drafts.clear());

window.addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) {
    event.preventDefault();
  }
});
