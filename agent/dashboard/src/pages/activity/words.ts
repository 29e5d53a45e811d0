import type { Words } from "../../words/en";
import { activity as en, type ActivityWords } from "../../words/en/activity";
import { activity as ko } from "../../words/ko/activity";
import { useWordsWith } from "../../words/section";

const section = { en, ko };

export function useWords(): Words & { activity: ActivityWords } {
  return useWordsWith("activity", section);
}
