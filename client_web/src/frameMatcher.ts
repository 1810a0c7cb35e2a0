/**
 * Which picture to show now, and with which mask (promises P2 and P3). Pure policy: no canvas, no
 * socket, no timer; time comes from a Clock.
 *
 * Exact mode: a frame waits for its own mask until it is due (see Playout) and is shown with that
 * mask or with none. Live mode: a frame is shown at once with the newest mask, if that is young
 * enough. In both modes a mask leaves the screen when its picture is older than MASK_AGE_LIMIT_MS. A frame
 * that cannot be what was sent at its time (see PictureSizes) is not shown; the one before it stays.
 */
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import type { Clock } from "./clock";
import { createCounters, type UnmaskedCause } from "./matcherCounters";
import type { Extent } from "./pictureGeometry";
import { PictureSizes } from "./pictureSizes";
import { Playout } from "./playout";
import { low32, ptsOf, tickDifference, TICK_TOLERANCE, TICKS_PER_MS, Unwrapper } from "./rtpTime";

export type MatchMode = "exact" | "live";

/** Frames of the decoder's pool may be few: never keep more of them. */
export const MAX_HELD_FRAMES = 10;
/** A picture may stand still for so long because those after it seem spoiled; then they are shown all the same. */
export const SPOILED_LIMIT_MS = 1500;
/** Masks past their age are kept among them, to tell a late one from one that never came. */
const MAX_KEPT_MASKS = 64;

/** A decoded picture; whoever owns it closes it once. */
export interface Closable {
  close(): void;
}

/** What the canvas has to show. The frame stays the matcher's; do not close it. */
export interface Picture<F, M> {
  readonly frame: F;
  readonly mask: M | null;
  /** Age of the mask's picture at this moment, by the worse of two clocks; null without a mask. */
  readonly maskAgeMs: number | null;
  /** Time since the frame arrived here. */
  readonly heldMs: number;
  /** False when the same frame was shown before and only its mask changed. */
  readonly isNewFrame: boolean;
}

interface HeldFrame<F> {
  readonly frame: F;
  /** Unwrapped 90 kHz time, from 0 at the first frame of the connection. */
  readonly ticks: number;
  readonly rtpTimestamp: number;
  readonly arrivedAt: number;
}

interface KeptMask<M> {
  readonly mask: M;
  readonly pts: number;
  /** When the mask's picture was captured, on this clock: arrival minus age. */
  readonly bornAt: number;
}

export class FrameMatcher<F extends Closable & Extent, M> {
  readonly counters = createCounters();
  private readonly playout = new Playout();
  private readonly unwrapper = new Unwrapper();
  private readonly sizes = new PictureSizes();
  /** Since when frames are left out because they are spoiled; null while others are shown. */
  private spoiledSince: number | null = null;
  private queue: HeldFrame<F>[] = [];
  private masks: KeptMask<M>[] = [];
  private shown: HeldFrame<F> | null = null;
  private shownMask: KeptMask<M> | null = null;
  private shownHadMask = false;
  /** Frames not younger than this come too late to be shown in order. */
  private floorTicks = Number.NEGATIVE_INFINITY;
  private origin: number | null = null;
  private mode: MatchMode = "exact";
  private masksAllowed = false;
  private redrawWanted = false;

  /**
   * @param isOfFrame whether a mask can be of what a frame shows, whatever their times say: one that cannot be counts
   *     as if it had not come.
   */
  constructor(
    private readonly clock: Clock,
    private readonly isOfFrame: (mask: M, frame: F) => boolean = () => true,
  ) {}

  /** Start over for another video connection: its timestamps have another origin. */
  reset(): void {
    for (const held of this.queue) held.frame.close();
    this.queue = [];
    this.shown?.frame.close();
    this.shown = null;
    this.shownMask = null;
    this.masks = [];
    this.origin = null;
    this.floorTicks = Number.NEGATIVE_INFINITY;
    this.unwrapper.reset();
    this.playout.reset();
    this.sizes.doubt();
    this.spoiledSince = null;
  }

  setOrigin(rtpOrigin: number): void {
    this.origin = rtpOrigin;
  }

  get hasOrigin(): boolean {
    return this.origin !== null;
  }

  setMode(mode: MatchMode): void {
    this.mode = mode;
    this.redrawWanted = true;
  }

  /** False hides every mask from the next tick on, whatever its age. */
  setMasksAllowed(allowed: boolean): void {
    this.masksAllowed = allowed;
  }

  /** Show the present picture again: how masks are painted has changed. */
  requestRedraw(): void {
    this.redrawWanted = true;
  }

  /** The frame on the screen with its own mask, whatever is drawn on it; the frame stays the matcher's. */
  get present(): { readonly frame: F; readonly ownMask: M | null } | null {
    if (this.shown === null) return null;
    return { frame: this.shown.frame, ownMask: this.ownMask(this.shown)?.mask ?? null };
  }

  /** The mask that came last, of whatever frame. */
  get lastMask(): M | null {
    return this.masks.at(-1)?.mask ?? null;
  }

  /** Milliseconds this viewer keeps each picture back for its mask. */
  get holdMs(): number {
    return this.mode === "live" ? 0 : this.playout.holdMs;
  }

  /** Take a frame over; from here on the matcher closes it. */
  pushFrame(frame: F, rtpTimestamp: number): void {
    const now = this.clock.now();
    this.counters.framesReceived++;
    const ticks = this.unwrapper.follow(rtpTimestamp);
    if (this.playout.noteFrame(now, ticks / TICKS_PER_MS)) this.dropHeld();
    if (ticks <= this.floorTicks) {
      this.drop(frame);
      return;
    }
    const held = { frame, ticks, rtpTimestamp, arrivedAt: now };
    const place = this.queue.findIndex((other) => other.ticks > ticks);
    this.queue.splice(place < 0 ? this.queue.length : place, 0, held);
  }

  /**
   * @param pts of the mask's picture, 90 kHz, may exceed 32 bits.
   * @param ageMs the picture's age when the message arrived, as the server measured it.
   */
  pushMask(mask: M, pts: number, ageMs: number): void {
    const now = this.clock.now();
    const kept = { mask, pts: low32(pts), bornAt: now - ageMs };
    this.masks.push(kept);
    if (this.masks.length > MAX_KEPT_MASKS) this.masks.shift();
    if (this.origin === null) return;
    const ticks = this.unwrapper.locate((kept.pts + this.origin) >>> 0);
    if (ticks === null) return;
    this.playout.noteMask(now, ticks / TICKS_PER_MS);
    if (this.mode === "exact" && ticks < this.floorTicks - TICK_TOLERANCE) this.counters.lateMasks++;
  }

  /** @param pts of the first picture of this size, 90 kHz, may exceed 32 bits. */
  tellSize(pts: number, size: Extent): void {
    this.sizes.tell(pts, size);
  }

  /** Decide what to show now; null when the screen is right as it is. */
  tick(): Picture<F, M> | null {
    const now = this.clock.now();
    this.playout.follow(now);
    const isNewFrame = this.advance(now);
    if (this.shown === null) return null;
    const mask = this.maskFor(this.shown, now);
    if (!isNewFrame && !this.redrawWanted && !this.maskMustChange(mask)) return null;
    this.redrawWanted = false;
    this.shownMask = mask;
    if (mask !== null && !this.shownHadMask) {
      this.counters.framesWithMask++;
      this.shownHadMask = true;
    }
    const maskAgeMs = mask === null ? null : this.ageOf(mask, this.shown, now);
    const heldMs = now - this.shown.arrivedAt;
    return { frame: this.shown.frame, mask: mask?.mask ?? null, maskAgeMs, heldMs, isNewFrame };
  }

  /** When `tick` has to be called at the latest; null while nothing is to come. */
  nextDueAt(): number | null {
    const now = this.clock.now();
    const head = this.queue[0];
    const due = head === undefined ? null : this.dueAt(head, now);
    if (this.shown === null || this.shownMask === null) return due;
    const expiry = now + MASK_AGE_LIMIT_MS - this.ageOf(this.shownMask, this.shown, now);
    return due === null ? expiry : Math.min(due, expiry);
  }

  /** In live mode a newer mask waits for the next frame; a mask that is gone is erased at once. */
  private maskMustChange(mask: KeptMask<M> | null): boolean {
    if (mask === this.shownMask) return false;
    return this.mode === "exact" || mask === null;
  }

  /** Move to the newest frame that is due; frames it overtakes are dropped and counted. */
  private advance(now: number): boolean {
    this.discardSpoiled(now);
    let newest: HeldFrame<F> | null = null;
    for (;;) {
      const head = this.queue[0];
      if (head === undefined) break;
      const overfull = this.queue.length > MAX_HELD_FRAMES;
      if (!overfull && this.dueAt(head, now) > now) break;
      this.queue.shift();
      if (newest !== null) this.drop(newest.frame);
      newest = head;
    }
    if (newest === null) return false;
    this.leave();
    this.shown = newest;
    this.floorTicks = newest.ticks;
    this.shownHadMask = false;
    this.spoiledSince = null;
    if (this.origin !== null) this.sizes.noteShown(ptsOf(newest.rtpTimestamp, this.origin), newest.frame);
    this.counters.framesDrawn++;
    return true;
  }

  /** Frames that cannot be what was sent leave unseen, unless there is nothing else for too long. */
  private discardSpoiled(now: number): void {
    const { origin } = this;
    if (origin === null) return;
    const isSpoiled = ({ rtpTimestamp, frame }: HeldFrame<F>): boolean => this.sizes.isSpoiled(ptsOf(rtpTimestamp, origin), frame);
    const spoiled = this.queue.filter(isSpoiled);
    if (spoiled.length === 0) return;
    this.spoiledSince ??= now;
    if (now - this.spoiledSince > SPOILED_LIMIT_MS) {
      this.sizes.doubt();
      this.counters.doubtedSizes++;
      return;
    }
    this.queue = this.queue.filter((held) => !spoiled.includes(held));
    for (const { frame } of spoiled) frame.close();
    this.counters.spoiledFrames += spoiled.length;
  }

  /** The frame on the screen goes. */
  private leave(): void {
    if (this.shown === null) return;
    if (this.mode === "exact" && !this.shownHadMask) this.counters.unmasked[this.causeFor(this.shown)]++;
    this.shown.frame.close();
    this.shown = null;
  }

  private causeFor(held: HeldFrame<F>): UnmaskedCause {
    if (!this.masksAllowed) return "ai_inactive";
    if (this.origin === null) return "no_origin";
    return this.ownMask(held) === null ? "not_arrived" : "too_old";
  }

  private dueAt(held: HeldFrame<F>, now: number): number {
    if (this.mode === "live") return now;
    return this.playout.dueAt(held.ticks / TICKS_PER_MS) ?? now;
  }

  private maskFor(held: HeldFrame<F>, now: number): KeptMask<M> | null {
    if (!this.masksAllowed) return null;
    const kept = this.mode === "live" ? this.newestMask(held) : this.ownMask(held);
    return kept !== null && this.ageOf(kept, held, now) <= MASK_AGE_LIMIT_MS ? kept : null;
  }

  private ownMask(held: HeldFrame<F>): KeptMask<M> | null {
    if (this.origin === null) return null;
    const pts = ptsOf(held.rtpTimestamp, this.origin);
    const kept = this.masks.find((other) => Math.abs(tickDifference(other.pts, pts)) <= TICK_TOLERANCE);
    return this.ifOfFrame(kept, held);
  }

  private newestMask(held: HeldFrame<F>): KeptMask<M> | null {
    return this.ifOfFrame(this.masks[this.masks.length - 1], held);
  }

  private ifOfFrame(kept: KeptMask<M> | undefined, held: HeldFrame<F>): KeptMask<M> | null {
    return kept !== undefined && this.isOfFrame(kept.mask, held.frame) ? kept : null;
  }

  /** Age of a mask's picture by the worse of the server's clock and, on its own frame, this one. */
  private ageOf(kept: KeptMask<M>, held: HeldFrame<F>, now: number): number {
    const byServer = now - kept.bornAt;
    return this.mode === "live" ? byServer : Math.max(byServer, now - held.arrivedAt);
  }

  private dropHeld(): void {
    for (const held of this.queue) this.drop(held.frame);
    this.queue = [];
    this.floorTicks = Number.NEGATIVE_INFINITY;
  }

  private drop(frame: F): void {
    frame.close();
    this.counters.droppedFrames++;
  }
}
