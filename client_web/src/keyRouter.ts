/** Sends key presses to commands, where they are not for a field or a dialog. */
import type { Command, Commands } from "./commands";
import { keyOf } from "./keyMap";

/** The part of a key event that decides. */
export interface Press {
  readonly key: string;
  readonly code: string;
  readonly repeat: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  preventDefault(): void;
}

export interface Surroundings {
  readonly hasDialog: boolean;
  /** The focus is in a field that takes text or choices. */
  readonly isInField: boolean;
  /** The focus is on a button or a link, which Space and Enter press. */
  readonly isOnButton: boolean;
}

export class KeyRouter {
  /** Commands that last while their key is held, by that key. */
  private readonly held = new Map<string, Command>();

  constructor(
    private readonly commands: Commands,
    private readonly lookAround: () => Surroundings,
  ) {}

  press(event: Press): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const command = this.commands.find(key);
    if (command === undefined || !this.mayRun(command, key)) return;
    // Escape keeps its own meaning too: it closes dialogs and leaves full screen.
    if (key !== "escape") event.preventDefault();
    if (event.repeat || this.held.has(key)) return;
    if (command.release !== undefined) this.held.set(key, command);
    command.run();
  }

  letGo(event: Pick<Press, "key" | "code">): void {
    const key = keyOf(event);
    this.held.get(key)?.release?.();
    this.held.delete(key);
  }

  /** The window lost the keyboard: no key counts as held any more. */
  letAllGo(): void {
    for (const command of this.held.values()) command.release?.();
    this.held.clear();
  }

  private mayRun(command: Command, key: string): boolean {
    const { hasDialog, isInField, isOnButton } = this.lookAround();
    if (isInField) return false;
    if (isOnButton && (key === " " || key === "enter")) return false;
    return !hasDialog || command.worksInDialogs === true;
  }
}

/** Listen on the document; the function returned ends it. */
export function listenForKeys(router: KeyRouter): () => void {
  const press = (event: KeyboardEvent): void => router.press(event);
  const letGo = (event: KeyboardEvent): void => router.letGo(event);
  const letAllGo = (): void => router.letAllGo();
  document.addEventListener("keydown", press);
  document.addEventListener("keyup", letGo);
  window.addEventListener("blur", letAllGo);
  return () => {
    document.removeEventListener("keydown", press);
    document.removeEventListener("keyup", letGo);
    window.removeEventListener("blur", letAllGo);
  };
}

export function surroundingsOfDocument(): Surroundings {
  const focus = document.activeElement;
  return {
    hasDialog: document.querySelector("dialog[open]") !== null,
    isInField: focus !== null && focus.matches("input, select, textarea, [contenteditable]"),
    isOnButton: focus !== null && focus.matches("button, a[href], summary"),
  };
}
