/** Decides how long to wait before the next attempt to connect. */
export interface ReconnectPolicy {
  /** Milliseconds to wait before attempt number `attempt` (0 is the first retry). */
  nextDelayMs(attempt: number): number;
}

export const MIN_DELAY_MS = 250;
export const MAX_DELAY_MS = 5000;

/**
 * Exponential growth with full jitter above the minimum, so that the viewers of a restarted server
 * do not all come back in the same instant.
 */
export class JitteredBackoff implements ReconnectPolicy {
  constructor(private readonly random: () => number = Math.random) {}

  nextDelayMs(attempt: number): number {
    const ceiling = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** Math.min(attempt + 1, 16));
    return MIN_DELAY_MS + this.random() * (ceiling - MIN_DELAY_MS);
  }
}
