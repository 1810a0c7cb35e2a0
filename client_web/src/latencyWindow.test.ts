import { describe, expect, it } from "vitest";
import { LatencyWindow } from "./latencyWindow";

describe("LatencyWindow", () => {
  it("gives the nearest rank", () => {
    const window = new LatencyWindow(5000);
    for (let value = 1; value <= 100; value++) window.add(0, value);
    expect(window.percentile(0, 0.95)).toBe(95);
    expect(window.percentile(0, 0.5)).toBe(50);
  });

  it("forgets what is older than the window and says null when nothing is left", () => {
    const window = new LatencyWindow(5000);
    window.add(0, 900);
    window.add(3000, 10);
    expect(window.percentile(5000, 0.95)).toBe(900);
    expect(window.percentile(5001, 0.95)).toBe(10);
    expect(window.count(8000)).toBe(1);
    expect(window.percentile(8001, 0.95)).toBeNull();
  });

  it("keeps no more than its capacity", () => {
    const window = new LatencyWindow(5000, 3);
    for (const value of [100, 1, 2, 3]) window.add(0, value);
    expect(window.count(0)).toBe(3);
    expect(window.percentile(0, 1)).toBe(3);
  });
});
