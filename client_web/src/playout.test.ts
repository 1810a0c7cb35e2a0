import { describe, expect, it } from "vitest";
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import { HOLD_MARGIN_MS, MAX_SLEW, Playout } from "./playout";

/** Frames every 40 ms that arrive at once, masks `lateness` later; ends at the last frame's time. */
function play(playout: Playout, lateness: (index: number) => number | null, frames: number, from = 0): number {
  for (let i = from; i < from + frames; i++) {
    playout.noteFrame(40 * i, 40 * i);
    const late = lateness(i);
    if (late !== null) playout.noteMask(40 * i + late, 40 * i);
    playout.follow(40 * i);
  }
  return 40 * (from + frames - 1);
}

describe("Playout", () => {
  it("holds nothing while no mask has come", () => {
    const playout = new Playout();
    play(playout, () => null, 20);
    expect(playout.holdMs).toBe(0);
    expect(playout.dueAt(760)).toBe(760);
  });

  it("holds pictures for the p95 of the masks' lateness and a margin", () => {
    const playout = new Playout();
    play(playout, (i) => (i % 50 === 0 ? 200 : 70), 100);
    expect(playout.holdMs).toBeCloseTo(70 + HOLD_MARGIN_MS);
  });

  it("never holds longer than the limit", () => {
    const playout = new Playout();
    play(playout, () => MASK_AGE_LIMIT_MS, 200);
    expect(playout.holdMs).toBe(MASK_AGE_LIMIT_MS);
  });

  it("does not keep the video back for masks that can never be shown", () => {
    const playout = new Playout();
    play(playout, () => 400, 100);
    expect(playout.holdMs).toBe(0);
  });

  it("changes the hold slowly, and lets go of it when masks stop", () => {
    const playout = new Playout();
    play(playout, () => 70, 2);
    expect(playout.holdMs).toBeLessThanOrEqual(40 * MAX_SLEW + 1e-9);
    play(playout, () => 70, 98, 2);
    play(playout, () => null, 200, 100);
    expect(playout.holdMs).toBe(0);
  });

  it("paces by timestamps: a burst of arrivals is spread again", () => {
    const playout = new Playout();
    play(playout, () => 90, 50);
    const hold = playout.holdMs;
    // Three frames stuck in the network arrive together.
    for (const index of [50, 51, 52]) playout.noteFrame(40 * 52 + 5, 40 * index);
    expect(playout.dueAt(40 * 52)! - playout.dueAt(40 * 51)!).toBeCloseTo(40);
    expect(playout.dueAt(40 * 52)).toBeCloseTo(40 * 52 + hold);
  });

  it("starts again when the timeline jumps, and says so", () => {
    const playout = new Playout();
    play(playout, () => null, 10);
    expect(playout.noteFrame(400, 400 + 60_000)).toBe(true);
    expect(playout.dueAt(400 + 60_000)).toBe(400);
    expect(playout.noteFrame(440, 440 + 60_000)).toBe(false);
  });

  it("anchors on the live edge when a viewer joins with a cached group of pictures", () => {
    const playout = new Playout();
    for (let i = 0; i < 25; i++) playout.noteFrame(1000, 40 * i);
    expect(playout.dueAt(40 * 24)).toBe(1000);
  });
});
