/** Asks yes or no in the page's own dialog: reachable by keys, pedals and gloves. */
import { h } from "./dom";
import { strings } from "./strings";

export function askYesNo(question: string, yes: string): Promise<boolean> {
  const agree = h("button", { type: "submit", value: "yes", class: "primary" }, yes);
  const cancel = h("button", { type: "submit", value: "" }, strings.cancel);
  const dialog = h(
    "dialog",
    { class: "card question", "aria-label": question },
    h("form", { method: "dialog" }, h("p", {}, question), h("div", { class: "buttons" }, agree, cancel)),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
