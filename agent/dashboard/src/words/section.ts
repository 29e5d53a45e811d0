import { useMemo } from "react";
import type { Words } from "./en";
import { useSpoken, type Language } from "./use";

/** The words of the page with a section that is not in the first load: it comes with the page that has it. */
export function useWordsWith<Name extends string, Section>(name: Name, section: Record<Language, Section>): Words & Record<Name, Section> {
  const { words, language } = useSpoken();
  return useMemo(() => ({ ...words, [name]: section[language] }) as Words & Record<Name, Section>, [words, language, name, section]);
}
