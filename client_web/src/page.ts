import type { Api } from "./api";

/** What the router shows: one element, with an end. */
export interface Page {
  readonly element: HTMLElement;
  dispose(): void;
}

/** What every page may use. */
export interface PageContext {
  readonly api: Api;
  readonly token: () => string | null;
  readonly onUnauthorized: () => void;
  /** Make the page anew: the language is another one. */
  readonly onLanguage: () => void;
}
