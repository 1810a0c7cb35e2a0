/** A short, soft sound for a new finding; made here, so that nothing is loaded. */
const TONES_HZ = [660, 880] as const;
const TONE_S = 0.09;
const LOUDNESS = 0.12;

export class Chime {
  private context: AudioContext | null = null;
  private played: number | null = null;

  /**
   * Sound once if there are more findings than at the last call; the first call only takes the count.
   *
   * @param isOn false counts in silence.
   */
  follow(newFindings: number, isOn: boolean): void {
    const isMore = this.played !== null && newFindings > this.played;
    this.played = newFindings;
    if (isMore && isOn) this.play();
  }

  /** Browsers let a page sound once it was clicked or a key was pressed; until then this is silent. */
  play(): void {
    this.context ??= new AudioContext();
    const { context } = this;
    void context.resume();
    TONES_HZ.forEach((frequency, i) => {
      const start = context.currentTime + i * TONE_S;
      const tone = new OscillatorNode(context, { frequency });
      const gain = new GainNode(context, { gain: 0 });
      // A ramp at both ends: a tone that begins at once clicks.
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(LOUDNESS, start + 0.01);
      gain.gain.linearRampToValueAtTime(0, start + TONE_S);
      tone.connect(gain).connect(context.destination);
      tone.start(start);
      tone.stop(start + TONE_S);
    });
  }

  close(): void {
    void this.context?.close();
    this.context = null;
  }
}
