import type { Words } from "../../words/en";
import { drains as en, type DrainWords } from "../../words/en/drains";
import { drains as ko } from "../../words/ko/drains";
import { useWordsWith } from "../../words/section";

const section = { en, ko };

export type WordsOfDrains = Words & { drains: DrainWords };

export function useWords(): WordsOfDrains {
  return useWordsWith("drains", section);
}
