/**
 * Every word the page shows, in the language chosen. The texts lie in `i18n/`, one file a language; a
 * part with many words of its own keeps them in `i18n/{part}.ts` as `Translations` and reads them by `inLanguage`.
 * Read them when an element is made, not when a module is loaded: the language may change between.
 */
import { de } from "./i18n/de";
import { en, type Strings } from "./i18n/en";
import type { Language, Translations } from "./i18n/language";
import { zh } from "./i18n/zh";

export type { Strings } from "./i18n/en";

const catalogs: Translations<Strings> = { en, de, zh };
let current: Language = "en";

export let strings: Strings = en;

export function setLanguage(language: Language): void {
  current = language;
  strings = catalogs[language];
}

export function currentLanguage(): Language {
  return current;
}

export function inLanguage<T>(translations: Translations<T>): T {
  return translations[current];
}
