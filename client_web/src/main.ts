/** Starts the page: language, token, and the page that the address names. */
import "./style.css";
import "./viewer.css";
import { Api } from "./api";
import { LANGUAGE_TAGS, loadLanguage } from "./i18n/language";
import type { Page, PageContext } from "./page";
import { createPageFor } from "./routes";
import { currentLanguage, setLanguage, strings } from "./strings";
import { createTokenPage } from "./tokenPage";
import { createTokenStore } from "./token";

const tokens = createTokenStore(sessionStorage);
const context: PageContext = {
  api: new Api(tokens),
  token: () => tokens.get(),
  onUnauthorized: askForToken,
  onLanguage: route,
};
let current: Page | null = null;

function show(create: () => Page): void {
  current?.dispose();
  document.title = strings.product;
  document.documentElement.lang = LANGUAGE_TAGS[currentLanguage()];
  current = create();
  document.body.replaceChildren(current.element);
}

function askForToken(): void {
  show(() => createTokenPage(tokens, route));
}

function route(): void {
  show(() => createPageFor(location.hash, context));
}

setLanguage(loadLanguage(localStorage, navigator.languages));
window.addEventListener("hashchange", route);
// Shown again from the browser's own store, the page has closed all its connections.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) route();
});
route();
