import { beforeEach, describe, expect, it, vi } from "vitest";
import { Commands } from "./commands";
import { KeyRouter, type Press, type Surroundings } from "./keyRouter";

const press = (key: string, changes: Partial<Press> = {}): Press => ({
  key,
  code: "",
  repeat: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  preventDefault: vi.fn(),
  ...changes,
});

describe("KeyRouter", () => {
  let done: string[];
  let around: Surroundings;
  let router: KeyRouter;

  beforeEach(() => {
    done = [];
    around = { hasDialog: false, isInField: false, isOnButton: false };
    const commands = new Commands();
    const note = (text: string) => () => void done.push(text);
    commands.add({ id: "peek", key: " ", label: "", run: note("hide"), release: note("show") });
    commands.add({ id: "style", key: "o", label: "", run: note("style") });
    commands.add({ id: "help", key: "?", label: "", run: note("help"), worksInDialogs: true });
    router = new KeyRouter(commands, () => around);
  });

  it("runs a command once for a press, however long the key repeats", () => {
    router.press(press("O"));
    router.press(press("O", { repeat: true }));
    expect(done).toEqual(["style"]);
  });

  it("holds a command while its key is held", () => {
    router.press(press(" "));
    router.press(press(" ", { repeat: true }));
    router.press(press("o"));
    router.letGo(press(" "));
    router.letGo(press(" "));
    expect(done).toEqual(["hide", "style", "show"]);
  });

  it("lets every key go when the window loses the keyboard", () => {
    router.press(press(" "));
    router.letAllGo();
    router.letGo(press(" "));
    expect(done).toEqual(["hide", "show"]);
  });

  it("keeps the browser from scrolling by a command's key, and from nothing else", () => {
    const taken = vi.fn();
    router.press(press("x", { preventDefault: taken }));
    expect(taken).not.toHaveBeenCalled();
    router.press(press(" ", { preventDefault: taken }));
    expect(taken).toHaveBeenCalled();
  });

  it("leaves combinations to the browser", () => {
    for (const held of ["ctrlKey", "metaKey", "altKey"]) router.press(press("o", { [held]: true }));
    expect(done).toEqual([]);
  });

  it("types into a field what is typed there", () => {
    around = { ...around, isInField: true };
    router.press(press("o"));
    router.press(press("?"));
    expect(done).toEqual([]);
  });

  it("leaves Space to the button that has the focus", () => {
    around = { ...around, isOnButton: true };
    router.press(press(" "));
    router.press(press("o"));
    expect(done).toEqual(["style"]);
  });

  it("runs over a dialog only what is meant for it, but lets keys go there", () => {
    router.press(press(" "));
    around = { ...around, hasDialog: true };
    router.press(press("o"));
    router.press(press("?"));
    router.letGo(press(" "));
    expect(done).toEqual(["hide", "help", "show"]);
  });
});
