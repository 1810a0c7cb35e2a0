/** Arithmetic of 32-bit RTP time at 90 kHz. */
export const TICKS_PER_MS = 90;
/** An encoder's rounding may move a timestamp by this many ticks. */
export const TICK_TOLERANCE = 2;

/** pts mod 2^32 of the frame with this RTP timestamp. */
export function ptsOf(rtpTimestamp: number, origin: number): number {
  return (rtpTimestamp - origin) >>> 0;
}

/** Low 32 bits of a pts that may be wider than 32 bits. */
export function low32(pts: number): number {
  return pts % 2 ** 32 >>> 0;
}

/** Shortest signed way from b to a on the 32-bit circle, in ticks. */
export function tickDifference(a: number, b: number): number {
  return (a - b) | 0;
}

/** Turns wrapping 32-bit timestamps into ticks that only count on. */
export class Unwrapper {
  private last: { readonly raw: number; readonly ticks: number } | null = null;

  /** Continue from the last timestamp followed; the first one is 0. */
  follow(raw: number): number {
    const ticks = this.locate(raw) ?? 0;
    this.last = { raw, ticks };
    return ticks;
  }

  /** Where a timestamp lies on the same scale, without following it; null before the first. */
  locate(raw: number): number | null {
    return this.last === null ? null : this.last.ticks + tickDifference(raw, this.last.raw);
  }

  reset(): void {
    this.last = null;
  }
}
