import type { Words } from "../../words/en";
import { audit as en, type AuditWords } from "../../words/en/audit";
import { audit as ko } from "../../words/ko/audit";
import { useWordsWith } from "../../words/section";

const section = { en, ko };

export function useWords(): Words & { audit: AuditWords } {
  return useWordsWith("audit", section);
}
