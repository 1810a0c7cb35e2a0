import { expect, it } from "vitest";
import { cycleStyle, hideWhileHeld, initialSettings, toggleMode } from "./viewSettings";

it("starts exact, with outlines", () => {
  expect(initialSettings).toEqual({ mode: "exact", style: "outline", hidden: false });
});

it("cycles outline, fill, off", () => {
  const fill = cycleStyle(initialSettings);
  const off = cycleStyle(fill);
  expect([fill.style, off.style, cycleStyle(off).style]).toEqual(["fill", "off", "outline"]);
});

it("switches the mode there and back, and hides without losing the style", () => {
  const live = toggleMode(cycleStyle(initialSettings));
  expect(live).toEqual({ mode: "live", style: "fill", hidden: false });
  expect(toggleMode(live).mode).toBe("exact");
  expect(hideWhileHeld(live, true)).toEqual({ ...live, hidden: true });
});
