import { describe, expect, it } from "vitest";
import { JitteredBackoff, MAX_DELAY_MS, MIN_DELAY_MS } from "./reconnectPolicy";

describe("JitteredBackoff", () => {
  it("stays between its bounds whatever the draw", () => {
    for (const draw of [0, 0.5, 0.999]) {
      const policy = new JitteredBackoff(() => draw);
      for (let attempt = 0; attempt < 2000; attempt += 7) {
        const delay = policy.nextDelayMs(attempt);
        expect(delay).toBeGreaterThanOrEqual(MIN_DELAY_MS);
        expect(delay).toBeLessThanOrEqual(MAX_DELAY_MS);
      }
    }
  });

  it("grows with the attempts and spreads them", () => {
    const slow = new JitteredBackoff(() => 1);
    expect([0, 1, 2, 3, 4, 5].map((n) => slow.nextDelayMs(n))).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
    expect(new JitteredBackoff(() => 0).nextDelayMs(5)).toBe(MIN_DELAY_MS);
  });
});
