import { useSpoken } from "../../words/use";
import { sessions as en } from "../../words/en/sessions";
import { sessions as ko } from "../../words/ko/sessions";

const sections = { en, ko };

export function useSessionWords(): typeof en {
  return sections[useSpoken().language];
}
