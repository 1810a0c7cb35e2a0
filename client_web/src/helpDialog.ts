/** The keys and the two modes, in one dialog. */
import { h } from "./dom";
import { strings } from "./strings";

export function createHelpDialog(): HTMLDialogElement {
  const keys = h("dl");
  for (const [key, meaning] of strings.keys) keys.append(h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning));
  const close = h("button", { type: "button", class: "primary" }, strings.close);
  const dialog = h(
    "dialog",
    { class: "card help" },
    h("h2", {}, strings.help),
    keys,
    h("p", {}, strings.helpExact),
    h("p", {}, strings.helpLive),
    h("p", {}, `${strings.helpLimit} ${strings.notMedical}.`),
    close,
  );
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
