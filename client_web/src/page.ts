import type { Api } from "./api";
import type { Sharing } from "./sharing";

/** What the router shows: one element, with an end. */
export interface Page {
  readonly element: HTMLElement;
  dispose(): void;
}

/** What every page may use. */
export interface PageContext {
  readonly api: Api;
  /** What this browser shares; it goes on whatever page is shown. */
  readonly sharing: Sharing;
  readonly token: () => string | null;
  readonly onUnauthorized: () => void;
  /** Make the page anew: the language is another one. */
  readonly onLanguage: () => void;
}
