import { describe, expect, it } from "vitest";
import { MAX_SHIFT_PX, signedArea, smoothContour, traceContours, type Polygon } from "./contour";
import type { Bitmap } from "./maskDecoder";

function bitmapOf(width: number, height: number, isSet: (x: number, y: number) => boolean): Bitmap {
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bits[y * width + x] = isSet(x, y) ? 1 : 0;
  return { width, height, bits };
}

function fromRows(rows: readonly string[]): Bitmap {
  return bitmapOf(rows[0]!.length, rows.length, (x, y) => rows[y]![x] === "#");
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

/** An uneven round shape in a picture of 1920 x 1080, with its true edge. */
class Blob {
  private readonly edge: [number, number][] = [];

  constructor(
    private readonly x: number,
    private readonly y: number,
    private readonly size: number,
    private readonly phase: number,
  ) {
    for (let i = 0; i < 7200; i++) {
      const angle = (i / 3600) * Math.PI;
      const radius = this.radius(angle);
      this.edge.push([x + 1.3 * radius * Math.cos(angle), y + radius * Math.sin(angle)]);
    }
  }

  /** The mask of a network whose 352 x 352 pixels are set where their centres lie inside. */
  mask(): Bitmap {
    return bitmapOf(352, 352, (i, j) => {
      const [dx, dy] = [((i + 0.5) * SCALE_X - this.x) / 1.3, (j + 0.5) * SCALE_Y - this.y];
      return Math.hypot(dx, dy) < this.radius(Math.atan2(dy, dx));
    });
  }

  /** Distance to the true edge, in source pixels. */
  distance(x: number, y: number): number {
    return Math.sqrt(Math.min(...this.edge.map(([a, b]) => (a - x) ** 2 + (b - y) ** 2)));
  }

  private radius(angle: number): number {
    return this.size * (1 + 0.04 * Math.sin(3 * angle + this.phase) + 0.02 * Math.sin(5 * angle));
  }
}

const [SCALE_X, SCALE_Y] = [1920 / 352, 1080 / 352];

/** How often the line turns round in all, in source pixels: once for a smooth convex shape, more with stairs. */
function turns(polygon: Polygon): number {
  const directions: number[] = [];
  for (let i = 0; i < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    directions.push(Math.atan2((polygon[j + 1]! - polygon[i + 1]!) * SCALE_Y, (polygon[j]! - polygon[i]!) * SCALE_X));
  }
  let sum = 0;
  directions.forEach((direction, i) => {
    const turn = direction - directions[(i + 1) % directions.length]!;
    sum += Math.abs(Math.atan2(Math.sin(turn), Math.cos(turn)));
  });
  return sum / (2 * Math.PI);
}

/** Distances of a line's points to the true edge, in source pixels, ascending. */
function distancesOf(blob: Blob, polygon: Polygon): number[] {
  const distances: number[] = [];
  // Some eighty points tell enough of a long line.
  const step = 2 * Math.max(1, Math.round(polygon.length / 160));
  for (let i = 0; i < polygon.length; i += step) {
    distances.push(blob.distance(polygon[i]! * SCALE_X, polygon[i + 1]! * SCALE_Y));
  }
  return distances.sort((a, b) => a - b);
}

const rootMeanSquare = (values: number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

describe("a smoothed edge at display size", () => {
  it.each([
    ["large", 300, 3.5],
    ["middling", 120, 2],
    ["small", 40, 1.3],
    ["tiny", 15, 1.2],
  ])("of a %s polyp lies within two source pixels of the true one, without stairs", (_name, size, mostTurns) => {
    const [before, after]: [number[], number[]] = [[], []];
    for (const place of [0, 1, 2, 3]) {
      const blob = new Blob(937 + 3.3 * place, 512 + 1.7 * place, size, place);
      const [traced] = traceContours(blob.mask());
      const smooth = smoothContour(traced!);
      before.push(...distancesOf(blob, traced!));
      after.push(...distancesOf(blob, smooth));
      expect(turns(smooth)).toBeLessThan(mostTurns);
      expect(turns(smooth)).toBeLessThan(0.8 * turns(traced!));
      expect(signedArea(smooth) / signedArea(traced!)).toBeCloseTo(1, 1);
    }
    after.sort((a, b) => a - b);
    expect(after[Math.floor(0.95 * after.length)]).toBeLessThan(2);
    // A mask pixel is 5.5 source pixels wide: an edge may lie half of that off before it is smoothed.
    expect(after.at(-1)).toBeLessThan(2.75);
    expect(rootMeanSquare(after)).toBeLessThan(0.75 * rootMeanSquare(before));
  });
});
