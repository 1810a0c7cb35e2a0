/** What the viewer says about the AI, by the browser's own clock (promise P3). */
import type { Clock } from "./clock";
import type { AiState, SourceRetry, SourceState, StateMessage } from "./messages";

/** No message for this long means that the AI is lost, whatever was said before. */
export const SILENCE_LIMIT_MS = 300;
/** A picture's mask may be this old and no older. */
export const MASK_AGE_LIMIT_MS = 250;

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
 * younger than SILENCE_LIMIT_MS and the pictures arriving here get masks in time.
 */
export class AiWatch {
  private lastMessageAt: number | null = null;
  private serverState: AiState = "warming";
  private serverReason = "";
  private unmaskedSince: number | null = null;
  private staleMask = false;
  sourceState: SourceState = "connecting";
  sourceReason = "";
  sourceRetry: SourceRetry | null = null;

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
  }

  noteFrame(): void {
    this.unmaskedSince ??= this.clock.now();
  }

  /** @param ageMs age of the mask when it arrived. */
  noteMask(aiState: AiState, ageMs: number): void {
    if (aiState !== this.serverState) this.serverReason = "";
    this.serverState = aiState;
    this.unmaskedSince = null;
    this.staleMask = ageMs > MASK_AGE_LIMIT_MS;
  }

  /** The socket is gone: nothing said before counts any more. */
  noteDisconnected(): void {
    this.lastMessageAt = null;
    this.unmaskedSince = null;
    this.staleMask = false;
  }

  verdict(): AiVerdict {
    const now = this.clock.now();
    if (this.lastMessageAt === null || now - this.lastMessageAt > SILENCE_LIMIT_MS) {
      return { state: "lost", reason: "" };
    }
    if (this.serverState !== "active") return { state: this.serverState, reason: this.serverReason };
    const overdue = this.unmaskedSince !== null && now - this.unmaskedSince > MASK_AGE_LIMIT_MS;
    if (overdue || this.staleMask) return { state: "late", reason: "" };
    return { state: "active", reason: this.serverReason };
  }
}
