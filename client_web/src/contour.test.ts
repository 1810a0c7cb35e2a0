import { describe, expect, it } from "vitest";
import { MAX_SHIFT_PX, smoothContour, traceContours, type Polygon } from "./contour";
import type { Bitmap } from "./maskDecoder";

function bitmapOf(width: number, height: number, isSet: (x: number, y: number) => boolean): Bitmap {
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bits[y * width + x] = isSet(x, y) ? 1 : 0;
  return { width, height, bits };
}

function fromRows(rows: readonly string[]): Bitmap {
  return bitmapOf(rows[0]!.length, rows.length, (x, y) => rows[y]![x] === "#");
}

/** Shoelace; positive when the line turns clockwise on the screen. */
function signedArea(polygon: Polygon): number {
  let sum = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    sum += polygon[i]! * polygon[j + 1]! - polygon[j]! * polygon[i + 1]!;
  }
  return sum / 2;
}

function contains(polygons: readonly Polygon[], x: number, y: number): boolean {
  let inside = false;
  for (const polygon of polygons) {
    for (let i = 0; i < polygon.length; i += 2) {
      const j = (i + 2) % polygon.length;
      const [ax, ay, bx, by] = [polygon[i]!, polygon[i + 1]!, polygon[j]!, polygon[j + 1]!];
      if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) inside = !inside;
    }
  }
  return inside;
}

describe("traceContours", () => {
  it("draws nothing for an empty mask", () => {
    expect(traceContours(bitmapOf(352, 352, () => false))).toEqual([]);
  });

  it("goes round one pixel as a diamond about its centre", () => {
    const [polygon, ...others] = traceContours(fromRows(["...", ".#.", "..."]));
    expect(others).toEqual([]);
    const points = new Set([0, 2, 4, 6].map((i) => `${polygon![i]},${polygon![i + 1]}`));
    expect(points).toEqual(new Set(["1.5,1", "2,1.5", "1.5,2", "1,1.5"]));
  });

  it("closes along the border of the picture", () => {
    const [polygon] = traceContours(bitmapOf(10, 6, () => true));
    expect(Math.min(...polygon!)).toBe(0);
    expect(Math.max(...polygon!.filter((_, i) => i % 2 === 0))).toBe(10);
    expect(Math.max(...polygon!.filter((_, i) => i % 2 === 1))).toBe(6);
    expect(signedArea(polygon!)).toBeCloseTo(60 - 0.5);
  });

  it("turns holes the other way", () => {
    const polygons = traceContours(fromRows(["#####", "#...#", "#...#", "#...#", "#####"]));
    expect(polygons.map((polygon) => Math.sign(signedArea(polygon))).sort()).toEqual([-1, 1]);
  });

  it("joins pixels that touch at a corner, along both diagonals", () => {
    expect(traceContours(fromRows(["....", ".#..", "..#.", "...."]))).toHaveLength(1);
    expect(traceContours(fromRows(["....", "..#.", ".#..", "...."]))).toHaveLength(1);
  });

  it("separates every pixel of a random mask from its surroundings", () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const mask = bitmapOf(24, 17, () => random() < 0.45);
    const polygons = traceContours(mask);
    for (let y = 0; y < 17; y++) {
      for (let x = 0; x < 24; x++) {
        expect(contains(polygons, x + 0.5001, y + 0.5002)).toBe(mask.bits[y * 24 + x] === 1);
      }
    }
  });
});

describe("smoothContour", () => {
  const disc = bitmapOf(60, 60, (x, y) => Math.hypot(x - 29.5, y - 29.5) < 20);

  it("moves no point by a model pixel", () => {
    for (const shape of [disc, fromRows(["....", ".##.", ".##.", "...."])]) {
      for (const traced of traceContours(shape)) {
        const smooth = smoothContour(traced);
        for (let i = 0; i < traced.length; i += 2) {
          const shift = Math.hypot(smooth[i]! - traced[i]!, smooth[i + 1]! - traced[i + 1]!);
          expect(shift).toBeLessThanOrEqual(MAX_SHIFT_PX + 1e-4);
        }
      }
    }
  });

  it("leaves most of a spot of four pixels", () => {
    const [traced] = traceContours(fromRows(["....", ".##.", ".##.", "...."]));
    expect(signedArea(smoothContour(traced!)) / signedArea(traced!)).toBeGreaterThan(0.75);
  });

  it("takes the steps out of a disc and keeps its area", () => {
    const [traced] = traceContours(disc);
    const smooth = smoothContour(traced!);
    const spread = (polygon: Polygon): number => {
      const radii: number[] = [];
      for (let i = 0; i < polygon.length; i += 2) radii.push(Math.hypot(polygon[i]! - 30, polygon[i + 1]! - 30));
      return Math.max(...radii) - Math.min(...radii);
    };
    expect(spread(smooth)).toBeLessThan(0.6 * spread(traced!));
    expect(signedArea(smooth) / signedArea(traced!)).toBeCloseTo(1, 2);
  });
});
