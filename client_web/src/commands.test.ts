import { describe, expect, it, vi } from "vitest";
import { Commands, type Command } from "./commands";

const command = (id: string, key: string): Command => ({ id, key, label: id, run: () => undefined });

describe("Commands", () => {
  it("finds a command by its key as delivered, or by the one chosen", () => {
    const commands = new Commands({ peek: "pagedown" });
    const [peek, style] = [command("peek", " "), command("style", "o")];
    commands.add(peek);
    commands.add(style);
    expect(commands.find("o")).toBe(style);
    expect(commands.find("pagedown")).toBe(peek);
    expect(commands.find(" ")).toBeUndefined();
  });

  it("lets two commands change keys, so that both stay reachable", () => {
    const commands = new Commands();
    const [peek, style] = [command("peek", " "), command("style", "o")];
    commands.add(peek);
    commands.add(style);
    commands.assign(peek, "o");
    expect(commands.find("o")).toBe(peek);
    expect(commands.find(" ")).toBe(style);
    commands.assign(peek, "f13");
    expect(commands.find("o")).toBeUndefined();
    commands.resetKeys();
    expect(commands.find("o")).toBe(style);
  });

  it("refuses a second command of the same id or key", () => {
    const commands = new Commands();
    commands.add(command("peek", " "));
    expect(() => commands.add(command("peek", "x"))).toThrow("same id or key");
    expect(() => commands.add(command("other", " "))).toThrow("same id or key");
  });

  it("tells of every change", () => {
    const commands = new Commands();
    const listener = vi.fn();
    commands.onChange(listener);
    const peek = command("peek", " ");
    commands.add(peek);
    commands.assign(peek, "x");
    commands.resetKeys();
    expect(listener).toHaveBeenCalledTimes(3);
  });
});
