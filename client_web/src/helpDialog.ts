/** Every command with its key, which can be changed here, and what the two modes mean. */
import type { Command, Commands } from "./commands";
import { h, setText } from "./dom";
import { isAssignable, keyOf, showKey } from "./keyMap";
import { strings } from "./strings";

export class HelpDialog {
  readonly element: HTMLDialogElement;
  private readonly keys = h("dl");
  private readonly prompt = h("p", { role: "status", class: "note" }, strings.keysHint);

  /** @param notes what is to be known besides the keys. */
  constructor(
    private readonly commands: Commands,
    notes: readonly string[] = [strings.helpExact, strings.helpLive, strings.helpLimit],
  ) {
    const close = h("button", { type: "button", class: "primary", autofocus: true }, strings.close);
    const reset = h("button", { type: "button" }, strings.resetKeys);
    this.element = h(
      "dialog",
      { class: "card help", "aria-label": strings.help },
      h("h2", {}, strings.help),
      this.keys,
      this.prompt,
      ...notes.map((note) => h("p", {}, note)),
      h("p", {}, `${strings.notMedical}.`),
      h("div", { class: "buttons" }, close, reset),
    );
    close.addEventListener("click", () => this.element.close());
    reset.addEventListener("click", () => commands.resetKeys());
    commands.onChange(() => this.list());
  }

  toggle(): void {
    if (this.element.open) {
      this.element.close();
    } else if (document.querySelector("dialog[open]") === null) {
      this.list();
      this.element.showModal();
      this.element.scrollTop = 0;
    }
  }

  private list(): void {
    this.keys.replaceChildren(...this.commands.all.flatMap((command) => this.row(command)));
  }

  private row(command: Command): HTMLElement[] {
    const key = this.commands.keyOf(command);
    const shown = showKey(key, strings.keyNames);
    const name = h("kbd", {}, command.release === undefined ? shown : strings.held(shown));
    const change = h("button", { type: "button", class: "quiet" }, strings.changeKey);
    change.setAttribute("aria-label", strings.changeKeyOf(command.label));
    change.hidden = !isAssignable(key);
    change.addEventListener("click", () => this.listenFor(command));
    return [h("dt", {}, name), h("dd", {}, h("span", {}, command.label), change)];
  }

  /** The next key pressed becomes the command's; Escape and the other reserved keys leave it as it was. */
  private listenFor(command: Command): void {
    setText(this.prompt, `${command.label}: ${strings.pressKey}`);
    const done = new AbortController();
    const take = (event: KeyboardEvent): void => {
      event.preventDefault();
      event.stopImmediatePropagation();
      const key = keyOf(event);
      done.abort();
      setText(this.prompt, strings.keysHint);
      if (isAssignable(key)) this.commands.assign(command, key);
    };
    document.addEventListener("keydown", take, { capture: true, signal: done.signal });
    this.element.addEventListener("close", () => done.abort(), { signal: done.signal });
  }
}
