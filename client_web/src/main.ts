/** Starts the page: language, token, and the page that the address names. */
import "./style.css";
import "./viewer.css";
import "./panels/findings.css";
import "./operator/operator.css";
import "./panels/memory.css";
import "./review/review.css";
import { Api } from "./api";
import { LANGUAGE_TAGS, loadLanguage } from "./i18n/language";
import type { Page, PageContext } from "./page";
import { createPageFor } from "./routes";
import { Sharing } from "./sharing";
import { currentLanguage, setLanguage, strings } from "./strings";
import { createTokenPage } from "./tokenPage";
import { createTokenStore } from "./token";

const tokens = createTokenStore(sessionStorage);
const api = new Api(tokens);
const context: PageContext = {
  api,
  sharing: new Sharing(api),
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
window.addEventListener("pagehide", () => context.sharing.stop());
// Shown again from the browser's own store, the page has closed all its connections.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) route();
});
route();
