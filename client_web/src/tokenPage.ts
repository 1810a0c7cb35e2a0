/** Asks for the access token once. */
import { h } from "./dom";
import type { Page } from "./page";
import { strings } from "./strings";
import type { TokenStore } from "./token";

export function createTokenPage(tokens: TokenStore, onDone: () => void): Page {
  const wasRefused = tokens.get() !== null;
  const input = h("input", {
    type: "password",
    name: "token",
    autocomplete: "off",
    required: true,
    "aria-label": strings.tokenLabel,
  });
  const form = h(
    "form",
    { class: "card" },
    h("h1", {}, strings.tokenTitle),
    h("p", { class: "error" }, wasRefused ? strings.tokenWrong : ""),
    h("label", {}, strings.tokenLabel, input),
    h("button", { type: "submit", class: "primary" }, strings.tokenEnter),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tokens.set(input.value.trim());
    onDone();
  });
  queueMicrotask(() => input.focus());
  return { element: h("main", { class: "centered" }, form), dispose: () => undefined };
}
