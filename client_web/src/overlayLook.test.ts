import { describe, expect, it } from "vitest";
import { COLOR_VALUES, FILL_SHARE, HALO_OPACITY, OPACITIES, OVERLAY_COLORS } from "./overlayLook";
import { difference, over, rgbOf, VISIONS, type Rgb } from "./testing/colorVision";

/** From a dark fold over red and pale mucosa to a highlight. */
const MUCOSA: readonly Rgb[] = [
  [60, 20, 18],
  [110, 35, 30],
  [150, 50, 45],
  [180, 70, 60],
  [205, 110, 95],
  [225, 150, 130],
  [255, 245, 240],
];
const BLACK: Rgb = [0, 0, 0];
const AT_A_GLANCE = 20;

const cases = OVERLAY_COLORS.flatMap((color) => OPACITIES.map((opacity) => [color, opacity] as const));

describe.each(Object.entries(VISIONS))("to a %s eye", (_name, vision) => {
  it.each(cases)("a %s line of opacity %d stands out from all mucosa", (color, opacity) => {
    for (const ground of MUCOSA) {
      const halo = over(BLACK, HALO_OPACITY, ground);
      const core = over(rgbOf(COLOR_VALUES[color]), opacity, halo);
      // The two lines together: core against halo, and one of them against what lies around.
      expect(difference(core, halo, vision)).toBeGreaterThan(AT_A_GLANCE);
      const outside = Math.max(difference(core, ground, vision), difference(halo, ground, vision));
      expect(outside).toBeGreaterThan(AT_A_GLANCE);
    }
  });

  it("a fill is seen and lets the mucosa below be seen", () => {
    const [dark, pale] = [MUCOSA[1]!, MUCOSA[4]!];
    for (const color of OVERLAY_COLORS) {
      const filled = (ground: Rgb): Rgb => over(rgbOf(COLOR_VALUES[color]), FILL_SHARE, ground);
      expect(difference(filled(dark), dark, vision)).toBeGreaterThan(5);
      expect(difference(filled(dark), filled(pale), vision)).toBeGreaterThan(0.5 * difference(dark, pale, vision));
    }
  });
});
