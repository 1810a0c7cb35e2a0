/**
 * What can be done on a page: by key, by pedal (a pedal is a keyboard) and, some of it, by a button of
 * the bar. Panels add their own commands; the help lists them all.
 */
import type { KeyMap } from "./keyMap";

export interface Command {
  /** Stable: keys that people chose are kept under it. */
  readonly id: string;
  /** What it does, as the help says it. */
  readonly label: string;
  /** The key as delivered, named as by `keyOf`. */
  readonly key: string;
  readonly run: () => void;
  /** Called when the key is let go; such a command lasts while it is held. */
  readonly release?: () => void;
  /** Text of its button in the bar, as it is or as it is at the moment; none without. */
  readonly button?: string | (() => string);
  /** Whether what it switches is on, for the button; only of switches. */
  readonly isOn?: () => boolean;
  /** True when its key also works while a dialog is open. */
  readonly worksInDialogs?: boolean;
}

export class Commands {
  private readonly commands: Command[] = [];
  private readonly listeners: (() => void)[] = [];

  constructor(private keys: KeyMap = {}) {}

  get all(): readonly Command[] {
    return this.commands;
  }

  get keyMap(): KeyMap {
    return this.keys;
  }

  /** @throws Error when the id or the key as delivered is taken: two parts of the page disagree. */
  add(command: Command): void {
    for (const other of this.commands) {
      if (other.id !== command.id && other.key !== command.key) continue;
      throw new Error(`commands ${other.id} and ${command.id} have the same id or key`);
    }
    this.commands.push(command);
    this.changed();
  }

  keyOf(command: Command): string {
    return this.keys[command.id] ?? command.key;
  }

  find(key: string): Command | undefined {
    return this.commands.find((command) => this.keyOf(command) === key);
  }

  /** Give a command another key; the command that had it takes the old one, so that all stay reachable. */
  assign(command: Command, key: string): void {
    const other = this.find(key);
    const old = this.keyOf(command);
    this.keys = { ...this.keys, [command.id]: key };
    if (other !== undefined && other !== command) this.keys = { ...this.keys, [other.id]: old };
    this.changed();
  }

  resetKeys(): void {
    this.keys = {};
    this.changed();
  }

  /** Called after every change of commands, keys or switches. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }
}
