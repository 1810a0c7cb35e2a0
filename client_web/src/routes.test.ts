import { expect, it } from "vitest";
import { isSecondScreen } from "./routes";

it("knows a second screen by its address", () => {
  expect(["?screen=1", "?a=b&screen=1"].every(isSecondScreen)).toBe(true);
  expect(["", "?screen=0", "?screens=1"].some(isSecondScreen)).toBe(false);
});
