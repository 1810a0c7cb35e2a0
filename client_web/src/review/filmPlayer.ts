/** Plays a film: which picture is shown when. Every picture comes with the time that names it. */
import type { Clock } from "../clock";
import type { FilmLibrary } from "./filmLibrary";
import { timeAt } from "./filmPart";
import { FrameStream, type DecodedFrame, type Decoder, type StreamedFrame } from "./frameStream";

export const TICKS_PER_SECOND = 90_000;
export const RATES = [0.25, 0.5, 1, 2, 4] as const;
const TICKS_PER_MS = 90;
/** When the decoder is further behind than this, the film's clock waits for it. */
const PATIENCE_MS = 200;

export interface FilmPlayerOptions<F extends DecodedFrame> {
  readonly library: FilmLibrary;
  readonly createDecoder: () => Decoder<F>;
  readonly clock: Clock;
  /** A picture to show now; whoever gets it closes it. */
  readonly onFrame: (frame: StreamedFrame<F>) => void;
  /** Playing, rate, or whether it waits has changed. */
  readonly onChange: () => void;
  readonly onTrouble: (error: unknown) => void;
}

export class FilmPlayer<F extends DecodedFrame> {
  private stream: FrameStream<F> | null = null;
  /** The picture shown. */
  private current: { readonly pts: number; readonly part: number } | null = null;
  /** Of the stream: what was taken from it last, shown or not. */
  private takenPts = -1;
  private takenPart = 0;
  private wanted: number | null = 0;
  private steps = 0;
  private isBusy = false;
  private disposed = false;
  /** Counts how often the film was fetched anew: what was wanted before is still wanted then. */
  private epoch = 0;
  private anchor: { readonly at: number; readonly pts: number } | null = null;
  isPlaying = false;
  rate = 1;

  constructor(private readonly options: FilmPlayerOptions<F>) {}

  /** Time of the picture shown, or of the one on its way. */
  get position(): number {
    return this.wanted ?? this.current?.pts ?? 0;
  }

  /** A picture was asked for and is not there yet. */
  get isSeeking(): boolean {
    return this.isBusy || this.wanted !== null;
  }

  play(): void {
    if (this.isAtEnd()) this.seek(0);
    this.setPlaying(true);
  }

  pause(): void {
    this.setPlaying(false);
  }

  setRate(rate: number): void {
    this.rate = rate;
    this.anchor = null;
    this.options.onChange();
  }

  /** Show the picture of a time; of several wishes the newest counts. */
  seek(pts: number): void {
    this.wanted = Math.max(0, Math.round(pts));
    this.steps = 0;
    void this.run();
  }

  /** Show the next picture (1) or the one before (-1), and stand still. */
  step(direction: 1 | -1): void {
    this.pause();
    this.steps += direction;
    void this.run();
  }

  /** There is more of the film than before. */
  notePart(): void {
    void this.run();
  }

  /** The film is fetched anew: go on where it was. */
  reopen(): void {
    this.epoch++;
    this.closeStream();
    this.wanted ??= this.current?.pts ?? 0;
    void this.run();
  }

  /** While playing: show what is due. Called for every picture of the screen. */
  tick(): void {
    if (!this.isPlaying || this.isSeeking || this.isGone() || this.current === null) return;
    const now = this.options.clock.now();
    const current = this.current.pts;
    this.anchor ??= { at: now, pts: current };
    const due = this.anchor.pts + (now - this.anchor.at) * TICKS_PER_MS * this.rate;
    this.showNewest(due);
    this.passOverFailure();
    if (this.stream === null || this.stream.hasEnded) this.goOn();
    else if (this.stream.peek() === null && due - this.current.pts > PATIENCE_MS * TICKS_PER_MS * this.rate) this.anchor = null;
  }

  dispose(): void {
    this.disposed = true;
    this.closeStream();
  }

  /** Asked anew after every wait. */
  private isGone(): boolean {
    return this.disposed;
  }

  private setPlaying(isPlaying: boolean): void {
    this.isPlaying = isPlaying;
    this.anchor = null;
    this.options.onChange();
  }

  private isAtEnd(): boolean {
    const { library } = this.options;
    return library.isComplete && this.stream?.hasEnded === true && this.current?.part === library.parts.length - 1;
  }

  private showNewest(due: number): void {
    let newest: StreamedFrame<F> | null = null;
    for (;;) {
      const next = this.stream?.peek() ?? null;
      if (next === null || next.pts > due) break;
      newest?.image.close();
      newest = this.take(this.stream?.shift() ?? null);
    }
    if (newest !== null) this.show(newest);
  }

  /** What cannot be decoded is left out. */
  private passOverFailure(): void {
    const error = this.stream?.error ?? null;
    if (error === null) return;
    this.closeStream();
    this.options.onTrouble(error);
  }

  /** The stream is at its end: of the film, or of what was there of it. */
  private goOn(): void {
    const { library } = this.options;
    const next = (this.current?.part ?? -1) + 1;
    if (next < library.parts.length) this.openStream(next);
    else if (library.isComplete) this.pause();
    this.anchor = null;
  }

  /** Do what is wanted, one after the other. */
  private async run(): Promise<void> {
    if (this.isBusy || this.isGone()) return;
    this.isBusy = true;
    this.options.onChange();
    try {
      while (!this.isGone() && (await this.doNext())) this.anchor = null;
    } catch (error) {
      this.wanted = null;
      this.steps = 0;
      this.closeStream();
      this.isPlaying = false;
      if (!this.isGone()) this.options.onTrouble(error);
    }
    this.isBusy = false;
    this.anchor = null;
    if (!this.isGone()) this.options.onChange();
  }

  /** Whether there was something to do that could be done. */
  private async doNext(): Promise<boolean> {
    const { wanted, epoch } = this;
    if (wanted !== null) {
      const target = await this.timeOf(wanted);
      if (target === null) return false;
      await this.goTo(target);
      if (this.wanted === wanted && this.epoch === epoch) this.wanted = null;
      return true;
    }
    if (this.steps === 0 || this.current === null || this.options.library.parts.length === 0) return false;
    const direction = Math.sign(this.steps);
    this.steps -= direction;
    const target = await this.neighbour(this.current.pts, direction);
    if (target !== null) await this.goTo(target);
    return true;
  }

  /** The time of the picture that is shown at `pts`; null while the film is not there. */
  private async timeOf(pts: number): Promise<number | null> {
    const { library } = this.options;
    if (library.parts.length === 0 || (pts >= library.toPts && !library.isComplete)) return null;
    const part = await this.load(library.partAt(pts));
    return part === null ? null : timeAt(part.times, pts);
  }

  private async neighbour(pts: number, direction: number): Promise<number | null> {
    const { library } = this.options;
    const number = library.partAt(pts);
    const part = await this.load(number);
    if (part === null) return null;
    const inside = part.times[part.times.indexOf(pts) + direction];
    if (inside !== undefined && part.times.includes(pts)) return inside;
    const other = number + direction;
    if (other < 0 || other >= library.parts.length) return null;
    return (await this.load(other))?.times.at(direction > 0 ? 0 : -1) ?? null;
  }

  /** Decode up to the picture of exactly this time and show it. */
  private async goTo(target: number): Promise<void> {
    if (this.current?.pts === target && this.takenPts === target && this.stream !== null) return;
    const stream = this.streamTo(target);
    for (;;) {
      const frame = this.take(await stream.next());
      if (frame === null) return;
      if (frame.pts >= target && stream === this.stream) {
        this.show(frame);
        return;
      }
      frame.image.close();
    }
  }

  /** The present stream if it comes to the picture soon, else one that begins with its part. */
  private streamTo(target: number): FrameStream<F> {
    const { stream } = this;
    const number = this.options.library.partAt(target);
    const isAhead = target > this.takenPts && number - this.takenPart <= 1;
    return stream !== null && !stream.hasEnded && isAhead ? stream : this.openStream(number);
  }

  private take(frame: StreamedFrame<F> | null): StreamedFrame<F> | null {
    if (frame !== null) {
      this.takenPts = frame.pts;
      this.takenPart = frame.part;
    }
    return frame;
  }

  private show(frame: StreamedFrame<F>): void {
    if (this.isGone()) {
      frame.image.close();
      return;
    }
    this.current = { pts: frame.pts, part: frame.part };
    this.options.onFrame(frame);
  }

  private openStream(number: number): FrameStream<F> {
    this.closeStream();
    const { library } = this.options;
    const load = (part: number): ReturnType<FilmLibrary["load"]> =>
      part < library.parts.length ? this.load(part) : Promise.resolve(null);
    const stream = new FrameStream(number, load, this.options.createDecoder());
    this.stream = stream;
    return stream;
  }

  private closeStream(): void {
    this.stream?.close();
    this.stream = null;
    this.takenPts = -1;
  }

  private load(number: number): ReturnType<FilmLibrary["load"]> {
    return this.options.library.loadPatiently(number, this.options.onTrouble);
  }
}
