/** COCO compressed run lengths (column-major, first run background) to a bitmap. */
import { MaskError } from "./errors";

/** A binary picture, row-major: `bits[y * width + x]` is 0 or 1. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly bits: Uint8Array;
}

const FIRST_CHARACTER = 48;
/** Six groups of five bits hold every run of a picture of 8192 x 8192 (26 bits and a sign). */
const MAX_GROUPS = 6;

/**
 * Expand the string form of COCO run lengths.
 *
 * Each run is a signed number in groups of five bits, lowest first, each group stored as one
 * character from '0' on with bit 5 saying that more follow; from the fourth run on it is the
 * difference to the run two before it (cocoapi `rleFrString`).
 *
 * @throws MaskError for a foreign character, a cut number or a negative run.
 */
export function readRuns(counts: string): number[] {
  const runs: number[] = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let group = 0;
    let more = true;
    while (more) {
      const code = counts.charCodeAt(at++) - FIRST_CHARACTER;
      if (!(code >= 0 && code < 64) || group === MAX_GROUPS) throw new MaskError("run lengths are garbled");
      value |= (code & 0x1f) << (5 * group++);
      more = (code & 0x20) !== 0;
      if (!more && (code & 0x10) !== 0) value |= -1 << (5 * group);
    }
    if (runs.length > 2) value += runs[runs.length - 2] ?? 0;
    if (value < 0) throw new MaskError("a run is negative");
    runs.push(value);
  }
  return runs;
}

/**
 * Decode a mask.
 *
 * @param counts compressed runs.
 * @param height rows of the mask, in model pixels.
 * @param width columns of the mask.
 * @throws MaskError unless the runs sum to height * width exactly.
 */
export function decodeMask(counts: string, height: number, width: number): Bitmap {
  const runs = readRuns(counts);
  const total = height * width;
  if (runs.reduce((sum, run) => sum + run, 0) !== total) {
    throw new MaskError(`runs do not sum to ${height} x ${width}`);
  }
  const bits = new Uint8Array(total);
  let position = 0;
  runs.forEach((run, index) => {
    if (index % 2 === 1) fillColumnMajor(bits, height, width, position, run);
    position += run;
  });
  return { width, height, bits };
}

function fillColumnMajor(bits: Uint8Array, height: number, width: number, start: number, run: number): void {
  let column = Math.floor(start / height);
  let row = start % height;
  for (let left = run; left > 0; left--) {
    bits[row * width + column] = 1;
    if (++row === height) {
      row = 0;
      column++;
    }
  }
}
