/** Decodes a film from the beginning of one part on and gives its pictures in the order they are shown. */
import { microsecondsToPts, ptsToMicroseconds, type FilmPart } from "./filmPart";

/** Pictures that are decoded ahead: more would hold the decoder's buffers, less would stutter. */
export const AHEAD = 6;
const QUEUED = 3;

/** The part of a VideoFrame that is used here. */
export interface DecodedFrame {
  readonly timestamp: number;
  readonly displayWidth: number;
  readonly displayHeight: number;
  close(): void;
}

/** The part of a VideoDecoder that is used here. */
export interface Decoder<F> {
  readonly decodeQueueSize: number;
  decode(chunk: { type: "key" | "delta"; timestamp: number; data: Uint8Array }): void;
  flush(): Promise<void>;
  /** Closing twice is harmless. */
  close(): void;
  onoutput: (frame: F) => void;
  onerror: (error: Error) => void;
  /** The queue is shorter than before. */
  ondequeue: () => void;
}

export interface StreamedFrame<F> {
  readonly pts: number;
  /** Number of the part it came from. */
  readonly part: number;
  readonly image: F;
}

/** Where the parts come from; null: there is no such part (yet). */
export type LoadPart = (number: number) => Promise<FilmPart | null>;

export class FrameStream<F extends DecodedFrame> {
  private readonly ready: StreamedFrame<F>[] = [];
  private waiting: (() => void)[] = [];
  private isEnded = false;
  private failure: Error | null = null;
  /** The part whose pictures the decoder gives out. */
  private outputPart: number;

  constructor(
    firstPart: number,
    private readonly load: LoadPart,
    private readonly decoder: Decoder<F>,
  ) {
    this.outputPart = firstPart;
    decoder.onoutput = (frame) => this.take(frame);
    decoder.onerror = (error) => this.fail(error);
    decoder.ondequeue = () => this.wake();
    void this.feed(firstPart).catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))));
  }

  /** The next picture without taking it; null while none is decoded. */
  peek(): StreamedFrame<F> | null {
    return this.ready[0] ?? null;
  }

  /** Why no more pictures come. */
  get error(): Error | null {
    return this.failure;
  }

  get hasEnded(): boolean {
    return this.isEnded && this.ready.length === 0;
  }

  /** Take the next picture that is decoded; whoever takes it closes it. Null while none is. */
  shift(): StreamedFrame<F> | null {
    const frame = this.ready.shift() ?? null;
    if (frame !== null) this.wake();
    return frame;
  }

  /**
   * Take the next picture, waiting for it.
   *
   * @returns null at the end of the film, and once the stream is closed.
   * @throws Error when the decoder fails, or the film cannot be had.
   */
  async next(): Promise<StreamedFrame<F> | null> {
    for (;;) {
      if (this.failure !== null) throw this.failure;
      const frame = this.shift();
      if (frame !== null || this.isEnded) return frame;
      await this.changed();
    }
  }

  close(): void {
    this.isEnded = true;
    this.decoder.close();
    for (const { image } of this.ready.splice(0)) image.close();
    this.wake();
  }

  private async feed(firstPart: number): Promise<void> {
    for (let number = firstPart; !this.isOver(); number++) {
      const part = await this.load(number);
      if (part === null || this.isOver()) break;
      this.outputPart = number;
      const middle = part.pictures[part.pictures.length >> 1];
      for (const picture of part.pictures) {
        // Whoever comes this far wants the next part soon; its failure is met, and told, there.
        if (picture === middle) this.load(number + 1).catch(() => undefined);
        const { pts, canStart, bytes } = picture;
        while (!this.isOver() && (this.ready.length >= AHEAD || this.decoder.decodeQueueSize >= QUEUED)) await this.changed();
        if (this.isOver()) return;
        this.decoder.decode({ type: canStart ? "key" : "delta", timestamp: ptsToMicroseconds(pts), data: bytes });
      }
      // Parts can be decoded by themselves: what the decoder still holds is wanted now.
      await this.decoder.flush();
    }
    this.isEnded = true;
    this.wake();
  }

  /** Asked anew after every wait. */
  private isOver(): boolean {
    return this.isEnded || this.failure !== null;
  }

  private take(image: F): void {
    if (this.isOver()) {
      image.close();
      return;
    }
    this.ready.push({ pts: microsecondsToPts(image.timestamp), part: this.outputPart, image });
    this.wake();
  }

  private fail(error: Error): void {
    if (this.isOver()) return;
    this.failure = error;
    this.wake();
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
