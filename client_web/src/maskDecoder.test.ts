import { describe, expect, it } from "vitest";
import { MaskError } from "./errors";
import { decodeMask, readRuns } from "./maskDecoder";
import { encodeRows, encodeRuns } from "./testing/cocoRle";

describe("readRuns", () => {
  it("reads strings worked out by hand from the COCO API's rleToString", () => {
    // 4 x 4 with the middle 2 x 2 set; 3 x 3 all set; 5 x 2 empty.
    expect(readRuns("52203")).toEqual([5, 2, 2, 2, 5]);
    expect(readRuns("09")).toEqual([0, 9]);
    expect(readRuns(":")).toEqual([10]);
  });

  it("reads negative differences and numbers of several groups", () => {
    const runs = [100000, 3, 17, 900, 2, 1, 40000];
    expect(readRuns(encodeRuns(runs))).toEqual(runs);
  });

  it.each(["5 2", "~", "52\u00e9", "P", "oooooooooo0"])("refuses %j", (counts) => {
    expect(() => readRuns(counts)).toThrow(MaskError);
  });

  it("refuses a run below zero", () => {
    expect(() => readRuns(encodeRuns([5, 2, 2, -1]))).toThrow("negative");
  });
});

describe("decodeMask", () => {
  it("fills columns first", () => {
    const rows = ["..#.", "..#.", "#.#."];
    const { size, counts } = encodeRows(rows);
    const bitmap = decodeMask(counts, ...size);
    const drawn = rows.map((_, y) => [...bitmap.bits.slice(4 * y, 4 * y + 4)].map((b) => (b ? "#" : ".")).join(""));
    expect(drawn).toEqual(rows);
  });

  it("accepts an empty and a full mask", () => {
    expect(decodeMask(encodeRuns([12]), 3, 4).bits.indexOf(1)).toBe(-1);
    expect(decodeMask(encodeRuns([0, 12]), 3, 4).bits.indexOf(0)).toBe(-1);
  });

  it.each([[[11]], [[13]], [[4, 4]], [[]]])("refuses runs %j that do not sum to the size", (runs) => {
    expect(() => decodeMask(encodeRuns(runs), 3, 4)).toThrow("sum");
  });
});
