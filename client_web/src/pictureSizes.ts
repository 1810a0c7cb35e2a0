/**
 * Which size the pictures of which time have, as the service tells, and which decoded pictures cannot be what was
 * sent. Pure policy.
 *
 * A decoder that missed a change of size goes on giving out pictures of the size before under the times of those after:
 * old ones once more, or new ones written over them. What nobody told of, or what was never seen to be true, is no
 * reason to take a picture for spoiled.
 */
import type { Extent } from "./pictureGeometry";
import { low32, tickDifference, TICK_TOLERANCE } from "./rtpTime";

/** More changes than this without a picture that bears them out are not remembered. */
const MAX_TOLD = 16;

interface ToldSize {
  /** Of the first picture of this size, 32 bit. */
  readonly pts: number;
  readonly size: Extent;
}

/** Within the pixel that coding may cut off an odd side. */
export function isSameSize(a: Extent, b: Extent): boolean {
  return Math.abs(a.width - b.width) <= 1 && Math.abs(a.height - b.height) <= 1;
}

export class PictureSizes {
  /** In the order of their times. The first one holds for all times before the second's. */
  private told: ToldSize[] = [];
  /** Whether a picture had the first one. */
  private isProven = false;

  /** @param pts of the first picture of this size, 90 kHz, may exceed 32 bits. */
  tell(pts: number, size: Extent): void {
    const last = this.told.at(-1);
    if (last !== undefined && isSameSize(last.size, size)) return;
    this.told.push({ pts: low32(pts), size });
    if (this.told.length > MAX_TOLD) this.told.splice(1, 1);
  }

  /** Whether a picture has a size that was over at its time. */
  isSpoiled(pts: number, size: Extent): boolean {
    if (!this.isProven) return false;
    const place = this.placeOf(pts);
    const isOf = (told: ToldSize | undefined): boolean => told !== undefined && isSameSize(told.size, size);
    return !isOf(this.told[place]) && this.told.slice(0, place).some(isOf);
  }

  /** A picture was shown: once it has the size told of its time, the sizes before are history. */
  noteShown(pts: number, size: Extent): void {
    const place = this.placeOf(pts);
    const expected = this.told[place];
    if (expected === undefined || !isSameSize(expected.size, size)) return;
    this.told.splice(0, place);
    this.isProven = true;
  }

  /** Another connection, or what was told may be wrong: no picture is spoiled until one bears it out again. */
  doubt(): void {
    this.told = this.told.slice(-1);
    this.isProven = false;
  }

  private placeOf(pts: number): number {
    const next = this.told.findIndex(
      (told, place) => place > 0 && tickDifference(told.pts, pts) > TICK_TOLERANCE,
    );
    return (next < 0 ? this.told.length : next) - 1;
  }
}
