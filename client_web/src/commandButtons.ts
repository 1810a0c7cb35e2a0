/** The buttons of commands, large enough for gloves. */
import type { Command, Commands } from "./commands";
import { h } from "./dom";
import { isAssignable, showKey } from "./keyMap";
import { strings } from "./strings";

export class CommandButtons {
  readonly element = h("div", { class: "bar-buttons" });

  /** @param belongs which of the commands with a button are shown here. */
  constructor(
    private readonly commands: Commands,
    private readonly belongs: (command: Command) => boolean = () => true,
  ) {
    commands.onChange(() => this.show());
  }

  private show(): void {
    const focused = document.activeElement?.getAttribute("data-command");
    this.element.replaceChildren(...this.commands.all.filter(this.belongs).flatMap((command) => this.buttonOf(command)));
    const again = focused == null ? null : this.element.querySelector(`[data-command="${focused}"]`);
    if (again instanceof HTMLElement) again.focus();
  }

  private buttonOf(command: Command): HTMLButtonElement[] {
    const text = typeof command.button === "function" ? command.button() : command.button;
    if (text === undefined) return [];
    const key = this.commands.keyOf(command);
    const title = `${command.label} (${showKey(key, strings.keyNames)})`;
    const attributes = { type: "button", class: "quiet", title, "data-command": command.id };
    const element = h("button", attributes, text);
    if (text.length < 3) element.setAttribute("aria-label", command.label);
    if (command.isOn !== undefined) element.setAttribute("aria-pressed", String(command.isOn()));
    if (isAssignable(key)) element.setAttribute("aria-keyshortcuts", key === " " ? "Space" : key);
    element.addEventListener("click", (event) => {
      // After a click (not after a key) the next key press is a command's, not the button's.
      if (event.detail > 0) element.blur();
      command.run();
    });
    return [element];
  }
}
