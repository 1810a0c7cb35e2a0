/** Follows a review on the server, and begins it anew when the server was: without a reload. */
import { systemTimers, type Timers } from "../clock";
import { ApiError } from "../errors";
import type { PartSpan, Review, ReviewApi, Timeline } from "./reviewApi";

export const POLL_MS = 1000;
/** What is finished changes no more; the server's going away is still to be noticed. */
export const DONE_POLL_MS = 3000;

export interface ReviewListener {
  readonly onReview: (review: Review) => void;
  readonly onParts: (first: number, spans: readonly PartSpan[], isComplete: boolean) => void;
  readonly onTimeline: (timeline: Timeline) => void;
  /** The review has another id from now on: whatever was fetched is of the old one. */
  readonly onReopened: (review: Review) => void;
  /** Null when the server answers again. */
  readonly onTrouble: (error: unknown) => void;
}

export class ReviewFollower {
  private parts = 0;
  private isComplete = false;
  private review: Review | null = null;
  private timer = 0;
  private disposed = false;
  private shownTimeline = -1;

  constructor(
    private readonly api: Pick<ReviewApi, "get" | "open" | "parts" | "timeline">,
    private id: string,
    private readonly listener: ReviewListener,
    private readonly timers: Timers = systemTimers,
  ) {}

  start(): void {
    void this.look();
  }

  dispose(): void {
    this.disposed = true;
    this.timers.clear(this.timer);
  }

  /** Asked anew after every wait. */
  private isGone(): boolean {
    return this.disposed;
  }

  private async look(): Promise<void> {
    try {
      await this.ask();
      if (!this.isGone()) this.listener.onTrouble(null);
    } catch (error) {
      if (this.isGone()) return;
      this.listener.onTrouble(error);
      if (isFinal(error, this.review)) return;
    }
    if (this.isGone()) return;
    const isDone = this.review?.state === "done" && this.isComplete;
    this.timer = this.timers.set(() => void this.look(), isDone ? DONE_POLL_MS : POLL_MS);
  }

  private async ask(): Promise<void> {
    const review = await this.findReview();
    if (this.isGone()) return;
    this.review = review;
    this.listener.onReview(review);
    if (!this.isComplete && (review.parts > this.parts || review.isComplete)) {
      const spans = await this.api.parts(review.id, this.parts);
      if (this.isGone()) return;
      this.isComplete = review.isComplete;
      this.listener.onParts(this.parts, spans, review.isComplete);
      this.parts += spans.length;
    }
    if (review.computedToPts === this.shownTimeline) return;
    const timeline = await this.api.timeline(review.id);
    if (this.isGone()) return;
    this.shownTimeline = timeline.computedToPts;
    this.listener.onTimeline(timeline);
  }

  private async findReview(): Promise<Review> {
    try {
      return await this.api.get(this.id);
    } catch (error) {
      if (this.review === null || !(error instanceof ApiError) || error.status !== 404) throw error;
    }
    const review = await this.api.open(this.review.file);
    if (!this.isGone()) this.rebind(review);
    return review;
  }

  private rebind(review: Review): void {
    this.id = review.id;
    this.parts = 0;
    this.isComplete = false;
    this.shownTimeline = -1;
    this.listener.onReopened(review);
  }
}

/** Nothing will change by asking again: no token, or no such review and nothing known to begin it with. */
function isFinal(error: unknown, review: Review | null): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 401 || (error.status === 404 && review === null);
}
