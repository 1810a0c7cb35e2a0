import { describe, expect, it } from "vitest";
import { MaskError } from "./errors";
import { createMaskShape } from "./maskShape";
import { parseServerMessage, type MaskMessage } from "./messages";
import { encodeRows } from "./testing/cocoRle";
import { maskJson } from "./testing/messageSamples";

const parse = (changes: Record<string, unknown>): MaskMessage =>
  parseServerMessage(JSON.stringify(maskJson(changes))) as MaskMessage;

describe("createMaskShape", () => {
  it("maps the mask through the picture's region, each axis by itself", () => {
    const rle = encodeRows(Array.from({ length: 20 }, () => "#".repeat(40)));
    const shape = createMaskShape(parse({ rle, region: [100, 50, 400, 300], source_size: [480, 640] }));
    const xs = shape.polygons[0]!.filter((_, i) => i % 2 === 0);
    const ys = shape.polygons[0]!.filter((_, i) => i % 2 === 1);
    // A model pixel is 10 x 15 source pixels here; smoothing stays below one.
    expect(Math.abs(Math.min(...xs) - 100)).toBeLessThan(10);
    expect(Math.abs(Math.max(...xs) - 500)).toBeLessThan(10);
    expect(Math.abs(Math.min(...ys) - 50)).toBeLessThan(15);
    expect(Math.abs(Math.max(...ys) - 350)).toBeLessThan(15);
    expect(shape.right).toBe(Math.max(...xs));
    expect(shape.top).toBe(Math.min(...ys));
  });

  it("has no edge when nothing was found", () => {
    expect(createMaskShape(parse({ rle: encodeRows(["....", "...."]) })).polygons).toEqual([]);
  });

  it("refuses runs that do not cover the mask", () => {
    expect(() => createMaskShape(parse({ rle: { size: [4, 4], counts: "5" } }))).toThrow(MaskError);
  });
});
