import { expect, it } from "vitest";
import { OVERLAY_SILENCE_MS, OverlaySilence } from "./overlaySilence";

// hazard F12
it("calls an overlay silent after a second without a report, and no more once it reports", () => {
  let now = 5000;
  const silence = new OverlaySilence(() => now);
  for (let step = 0; step < 8; step++) {
    now += 250;
    expect(silence.isSilent).toBe(false);
    silence.noteReport();
  }
  now += OVERLAY_SILENCE_MS;
  expect(silence.isSilent).toBe(false);
  now += 1;
  expect(silence.isSilent).toBe(true);
  silence.noteReport();
  expect(silence.isSilent).toBe(false);
});
