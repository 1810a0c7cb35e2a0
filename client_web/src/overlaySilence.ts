/** The overlay reports several times a second; after this long without a word it has stopped. */
export const OVERLAY_SILENCE_MS = 1000;

/** Tells when the overlay's worker has fallen silent. */
export class OverlaySilence {
  private heardAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.heardAt = now();
  }

  noteReport(): void {
    this.heardAt = this.now();
  }

  get isSilent(): boolean {
    return this.now() - this.heardAt > OVERLAY_SILENCE_MS;
  }
}
