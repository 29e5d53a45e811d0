import { useSpoken } from "../../words/use";
import { keys as en } from "../../words/en/keys";
import { keys as ko } from "../../words/ko/keys";

const sections = { en, ko };

export function useKeyWords(): typeof en {
  return sections[useSpoken().language];
}
