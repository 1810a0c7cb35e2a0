/** When a picture is due: paced by its own timestamps, held for the masks to come. */
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import { LatencyWindow } from "./latencyWindow";

/** The hold never changes faster than this, so that the picture never jumps (ms per ms). */
export const MAX_SLEW = 0.2;
/** Added to the measured p95: timers and drawing take their share. */
export const HOLD_MARGIN_MS = 10;
const ANCHOR_FRAMES = 125;
const JUMP_MS = 1000;
const LATENCY_WINDOW_MS = 5000;

/**
 * Maps media time to this browser's clock.
 *
 * The anchor is the smallest (arrival - media time) among the last frames: the network at its
 * quickest. A frame is due at anchor + media time + hold, where the hold follows the p95 of how late
 * masks come on the same scale, between 0 and MASK_AGE_LIMIT_MS.
 */
export class Playout {
  private offsets: number[] = [];
  private anchor: number | null = null;
  private hold = 0;
  private holdSetAt: number | null = null;
  private readonly maskLateness = new LatencyWindow(LATENCY_WINDOW_MS);

  /** Forget everything: another connection, another timeline. */
  reset(): void {
    this.offsets = [];
    this.anchor = null;
    this.maskLateness.clear();
  }

  /** @returns true when the timeline jumped, so that frames waiting on the old one are void. */
  noteFrame(now: number, mediaMs: number): boolean {
    const offset = now - mediaMs;
    const jumped = this.anchor !== null && Math.abs(offset - this.anchor) > JUMP_MS;
    if (jumped) this.reset();
    this.offsets.push(offset);
    if (this.offsets.length > ANCHOR_FRAMES) this.offsets.shift();
    this.anchor = Math.min(...this.offsets);
    return jumped;
  }

  /** Masks too late to be shown at all are no reason to keep pictures back. */
  noteMask(now: number, mediaMs: number): void {
    if (this.anchor === null) return;
    const lateness = now - (this.anchor + mediaMs);
    if (lateness <= MASK_AGE_LIMIT_MS) this.maskLateness.add(now, lateness);
  }

  dueAt(mediaMs: number): number | null {
    return this.anchor === null ? null : this.anchor + mediaMs + this.hold;
  }

  /** Let the hold follow the masks' lateness; call it before asking `dueAt`. */
  follow(now: number): void {
    const lateness = this.maskLateness.percentile(now, 0.95);
    const target = lateness === null ? 0 : clamp(lateness + HOLD_MARGIN_MS, 0, MASK_AGE_LIMIT_MS);
    const elapsed = now - (this.holdSetAt ?? now);
    const step = elapsed * MAX_SLEW;
    this.hold += clamp(target - this.hold, -step, step);
    this.holdSetAt = now;
  }

  /** Milliseconds that this viewer keeps each picture back. */
  get holdMs(): number {
    return this.hold;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
