/** Which language the page speaks: what was chosen here, else the browser's, else English. */
export const LANGUAGES = ["en", "de", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

/** One text, or one part's texts, in every language: a missing one does not compile. */
export type Translations<T> = Readonly<Record<Language, T>>;

/** Each language in its own words. */
export const LANGUAGE_NAMES: Translations<string> = { en: "English", de: "Deutsch", zh: "中文" };

/** What the root element's `lang` says. */
export const LANGUAGE_TAGS: Translations<string> = { en: "en", de: "de", zh: "zh-Hans" };

const KEY = "sali.language";

export function chooseLanguage(stored: string | null, preferred: readonly string[]): Language {
  for (const tag of [stored ?? "", ...preferred]) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (found !== undefined) return found;
  }
  return "en";
}

export function loadLanguage(storage: Pick<Storage, "getItem">, preferred: readonly string[]): Language {
  return chooseLanguage(storage.getItem(KEY), preferred);
}

export function saveLanguage(storage: Pick<Storage, "setItem">, language: Language): void {
  storage.setItem(KEY, language);
}
