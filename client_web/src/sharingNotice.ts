/** Says what this browser shares, as long as it does, with a button that ends it. */
import { h, setText } from "./dom";
import { sharingWords } from "./i18n/sharing";
import type { Sharing } from "./sharing";
import { inLanguage } from "./strings";

export function createSharingNotice(sharing: Sharing): { readonly element: HTMLElement; dispose(): void } {
  const words = inLanguage(sharingWords);
  const what = h("strong", {});
  const state = h("span", {});
  const stop = h("button", { type: "button", class: "primary" }, words.stop);
  stop.addEventListener("click", () => sharing.stop());
  const element = h("section", { class: "card sharing", role: "status" }, h("p", {}, what, " ", state), stop);
  const show = (): void => {
    const { shared } = sharing;
    element.hidden = shared === null;
    if (shared === null) return;
    element.dataset["state"] = shared.state.type;
    setText(what, words.sharing[shared.kind](shared.name));
    if (shared.state.type === "waiting") setText(state, words.waiting(shared.state.reason));
    else setText(state, shared.state.type === "connecting" ? words.connecting : words.stays);
  };
  const forget = sharing.onChange(show);
  show();
  return { element, dispose: forget };
}
