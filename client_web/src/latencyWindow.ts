/** Measurements of the last few seconds and their percentile. */
export class LatencyWindow {
  private samples: { readonly at: number; readonly value: number }[] = [];

  /**
   * @param windowMs how long a sample counts.
   * @param capacity samples kept at most; the oldest goes first.
   */
  constructor(
    private readonly windowMs: number,
    private readonly capacity = 400,
  ) {}

  add(now: number, value: number): void {
    this.samples.push({ at: now, value });
    if (this.samples.length > this.capacity) this.samples.shift();
  }

  clear(): void {
    this.samples = [];
  }

  /** Nearest-rank percentile of what is younger than the window, or null when nothing is. */
  percentile(now: number, fraction: number): number | null {
    this.expire(now);
    if (this.samples.length === 0) return null;
    const sorted = this.samples.map((sample) => sample.value).sort((a, b) => a - b);
    const rank = Math.ceil(fraction * sorted.length) - 1;
    return sorted[Math.max(0, Math.min(rank, sorted.length - 1))] ?? null;
  }

  /** How many samples are younger than the window. */
  count(now: number): number {
    this.expire(now);
    return this.samples.length;
  }

  private expire(now: number): void {
    this.samples = this.samples.filter((sample) => now - sample.at <= this.windowMs);
  }
}
