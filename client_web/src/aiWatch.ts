/** What the viewer says about the AI, by the browser's own clock (promise P3). */
import type { Clock } from "./clock";
import type { AiState, SourceRetry, SourceState, StateMessage, View } from "./messages";

/**
 * No message for this long means that the AI is lost, whatever was said before. The server repeats its
 * state every 100 ms; what happens right after a message must still be on the screen within 300 ms.
 */
export const SILENCE_LIMIT_MS = 250;
/** A picture's mask may be this old and no older. */
export const MASK_AGE_LIMIT_MS = 250;
/**
 * So long may pictures come without a mask. The first of them may come 40 ms after the worker stopped, its way and
 * a repaint take their time too: of fifty stops all but one were on the screen within 300 ms with a limit of 220.
 */
export const UNMASKED_LIMIT_MS = 200;
/** No picture for this long: there is nothing to work on. Its way here took time before. */
export const PICTURE_LIMIT_MS = 220;

/** `lost` is the viewer's own verdict; the others come from the server or, for `late`, from both. */
export type ShownAiState = AiState | "lost";

export interface AiVerdict {
  readonly state: ShownAiState;
  readonly reason: string;
}

/**
 * Watches the messages of one session.
 *
 * Invariant: `verdict().state` is `active` only while the server says so, its last message is
 * younger than SILENCE_LIMIT_MS, pictures come and get masks in time.
 */
export class AiWatch {
  private lastMessageAt: number | null = null;
  private serverState: AiState = "warming";
  private serverReason = "";
  private unmaskedSince: number | null = null;
  private pictureAt: number | null = null;
  private staleMask = false;
  sourceState: SourceState = "connecting";
  sourceReason = "";
  sourceRetry: SourceRetry | null = null;
  view: View = "unknown";

  constructor(private readonly clock: Clock) {}

  /** Any message of the socket, known or not, proves that the server is there. */
  noteMessage(): void {
    this.lastMessageAt = this.clock.now();
  }

  noteState(message: StateMessage): void {
    this.serverState = message.ai_state;
    this.serverReason = message.ai_reason;
    this.sourceState = message.source_state;
    this.sourceReason = message.source_reason;
    this.sourceRetry = message.source_retry;
    this.view = message.view;
  }

  noteFrame(): void {
    this.pictureAt = this.clock.now();
    this.unmaskedSince ??= this.pictureAt;
  }

  /** @param ageMs age of the mask when it arrived. */
  noteMask(aiState: AiState, ageMs: number): void {
    if (aiState !== this.serverState) this.serverReason = "";
    this.serverState = aiState;
    this.unmaskedSince = null;
    this.staleMask = ageMs > MASK_AGE_LIMIT_MS;
  }

  /** Until the video is back, that no picture comes is no news of the source. */
  noteVideoLost(): void {
    this.pictureAt = null;
    this.unmaskedSince = null;
  }

  /** The socket is gone: nothing said before counts any more. */
  noteDisconnected(): void {
    this.lastMessageAt = null;
    this.unmaskedSince = null;
    this.staleMask = false;
  }

  verdict(): AiVerdict {
    const now = this.clock.now();
    if (this.lastMessageAt === null || isOver(this.lastMessageAt, SILENCE_LIMIT_MS, now)) {
      return { state: "lost", reason: "" };
    }
    if (this.serverState !== "active") return { state: this.serverState, reason: this.serverReason };
    if (isOver(this.pictureAt, PICTURE_LIMIT_MS, now)) return { state: "paused", reason: "" };
    const overdue = isOver(this.unmaskedSince, UNMASKED_LIMIT_MS, now);
    if (overdue || this.staleMask) return { state: "late", reason: "" };
    return { state: "active", reason: this.serverReason };
  }

  /** When the verdict changes unless something is heard or seen before; null when nothing is waited for. */
  nextChangeAt(): number | null {
    const now = this.clock.now();
    const ends = [
      endOf(this.lastMessageAt, SILENCE_LIMIT_MS),
      endOf(this.pictureAt, PICTURE_LIMIT_MS),
      endOf(this.unmaskedSince, UNMASKED_LIMIT_MS),
    ].filter((end) => end >= now);
    return ends.length === 0 ? null : Math.min(...ends);
  }
}

function endOf(start: number | null, limitMs: number): number {
  return start === null ? Number.NEGATIVE_INFINITY : start + limitMs;
}

function isOver(start: number | null, limitMs: number, now: number): boolean {
  return start !== null && now - start > limitMs;
}
