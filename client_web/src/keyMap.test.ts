import { describe, expect, it } from "vitest";
import { isAssignable, keyOf, loadKeyMap, saveKeyMap, showKey } from "./keyMap";

describe("key names", () => {
  it("are what a key types, whatever its case", () => {
    expect(keyOf({ key: "O", code: "KeyO" })).toBe("o");
    expect(keyOf({ key: " ", code: "Space" })).toBe(" ");
    expect(keyOf({ key: "PageDown", code: "PageDown" })).toBe("pagedown");
  });

  it("are the key's place where an input method hides what it types", () => {
    expect(keyOf({ key: "Process", code: "KeyO" })).toBe("o");
    expect(keyOf({ key: "Unidentified", code: "F13" })).toBe("f13");
  });

  it("leave the keys alone that move about the page", () => {
    expect(["escape", "tab", "shift", ""].some(isAssignable)).toBe(false);
    expect(["o", " ", "f13", "pagedown"].every(isAssignable)).toBe(true);
  });

  it("are shown as they stand on keyboards", () => {
    expect([" ", "o", "pagedown"].map((key) => showKey(key, { " ": "Space" }))).toEqual(["Space", "O", "Pagedown"]);
  });
});

describe("a kept key map", () => {
  const holding = (text: string | null): { getItem: () => string | null } => ({ getItem: () => text });

  it("comes back as it was saved", () => {
    let kept = "";
    saveKeyMap({ setItem: (_key, value) => (kept = value) }, { peek: "pagedown" });
    expect(loadKeyMap(holding(kept))).toEqual({ peek: "pagedown" });
  });

  it.each([null, "null", "{", '{"peek":1}', '{"peek":"escape"}'])("is empty where %j was kept", (text) => {
    expect(loadKeyMap(holding(text))).toEqual({});
  });
});
