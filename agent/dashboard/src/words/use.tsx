import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import { en, type Words } from "./en";
import { ko } from "./ko";

export const languages = { en, ko } as const;
export type Language = keyof typeof languages;
export const languageNames: Record<Language, string> = { en: "English", ko: "한국어" };

const KEPT_AT = "outrider.language";

function firstLanguage(): Language {
  const kept = window.localStorage.getItem(KEPT_AT);
  if (kept !== null && kept in languages) {
    return kept as Language;
  }
  return navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";
}

interface Spoken {
  language: Language;
  words: Words;
  setLanguage(language: Language): void;
}

const SpokenContext = createContext<Spoken | null>(null);

export function WordsProvider({ children }: { children: ReactNode }) {
  const [language, keep] = useState(firstLanguage);
  const spoken = useMemo<Spoken>(() => {
    document.documentElement.lang = language;
    return {
      language,
      words: languages[language],
      setLanguage: (next) => {
        window.localStorage.setItem(KEPT_AT, next);
        keep(next);
      },
    };
  }, [language]);
  return <SpokenContext.Provider value={spoken}>{children}</SpokenContext.Provider>;
}

export function useSpoken(): Spoken {
  const spoken = useContext(SpokenContext);
  if (spoken === null) {
    throw new Error("there is no WordsProvider above");
  }
  return spoken;
}

export function useWords(): Words {
  return useSpoken().words;
}
