import type { Asked } from "../../fleet/asked";
import type { Key } from "../../fleet/row";
import type { Words } from "../../words/en";
import type { Column } from "./columns";

/** All that the lines of the table depend on besides the fleet. Another object when any of it is another one. */
export interface Look {
  readonly words: Words;
  readonly language: string;
  readonly columns: readonly Column[];
  readonly cards: boolean;
  /** What the rows are grouped by, as words. */
  readonly group: string;
  readonly active: Key | null;
  readonly opened: Key | null;
  readonly selection: ReadonlySet<Key>;
  readonly asked: Asked;
  /** The rest of the address of a server. */
  readonly search: string;
}
