/** The head of every page that is not a picture: where one can go, and what this is not. */
import { h } from "./dom";
import { operatorWords } from "./i18n/operator";
import { inLanguage, strings, type Strings } from "./strings";
import { createLanguageChoice } from "./viewDialog";

/** The pages one can go to, in this order. */
const PLACES: readonly { readonly address: string; readonly name: (texts: Strings) => string }[] = [
  { address: "#/", name: (texts) => texts.sessions },
  { address: "#/wall", name: (texts) => texts.wall },
  { address: "#/health", name: () => inLanguage(operatorWords).health },
  { address: "#/settings", name: () => inLanguage(operatorWords).settings },
];

export function createPageHeader(onLanguage: () => void): HTMLElement {
  const here = location.hash === "" ? "#/" : location.hash;
  const links = PLACES.map(({ address, name }) => {
    const link = h("a", { href: address }, name(strings));
    if (address === here) link.setAttribute("aria-current", "page");
    return link;
  });
  return h(
    "header",
    { class: "page-head" },
    h("h1", {}, strings.product),
    h("nav", { "aria-label": strings.pages }, ...links),
    h("strong", { class: "not-medical" }, strings.notMedical),
    createLanguageChoice(onLanguage),
  );
}
