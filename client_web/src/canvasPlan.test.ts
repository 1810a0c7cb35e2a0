import { describe, expect, it } from "vitest";
import { GAP_PX, MAX_PIXELS, planCanvas } from "./canvasPlan";

const vga = { width: 640, height: 480 };
const hd = { width: 1920, height: 1080 };

describe("planCanvas", () => {
  it("keeps the video's own pixels where the screen does not show them much larger", () => {
    for (const display of [null, { width: 700, height: 520 }, { width: 320, height: 240 }]) {
      expect(planCanvas(vga, "single", display)).toMatchObject({ ...vga, picture: vga, clean: null });
    }
    expect(planCanvas(hd, "single", hd)).toMatchObject(hd);
  });

  it("draws a small picture as large as it is shown, so that its lines are sharp", () => {
    expect(planCanvas(vga, "single", { width: 1920, height: 960 })).toMatchObject({ width: 1280, height: 960 });
  });

  it("never draws more pixels than a large screen has", () => {
    const { width, height } = planCanvas(vga, "single", { width: 7680, height: 4320 });
    expect(width * height).toBeLessThanOrEqual(MAX_PIXELS * 1.01);
    expect(width / height).toBeCloseTo(4 / 3, 2);
    expect(planCanvas({ width: 3840, height: 2160 }, "single", { width: 7680, height: 4320 })).toMatchObject({ width: 3840 });
  });

  it("lays the clean picture beside the marked one without touching it, in the way that shows both larger", () => {
    const row = planCanvas(hd, "beside", { width: 1920, height: 1000 });
    expect(row).toMatchObject({ width: 2 * 1920 + GAP_PX, height: 1080, clean: { x: 0, y: 0 }, marked: { x: 1920 + GAP_PX, y: 0 } });
    const column = planCanvas(hd, "beside", { width: 1000, height: 1900 });
    expect(column).toMatchObject({ width: 1920, height: 2 * 1080 + GAP_PX, marked: { x: 0, y: 1080 + GAP_PX } });
  });
});
