/** A film of numbered pictures for tests: its server, and a decoder that hands the pictures through. */
import { FilmLibrary } from "../review/filmLibrary";
import type { DecodedFrame, Decoder } from "../review/frameStream";
import type { MaskChunk, PartSpan } from "../review/reviewApi";
import { parseMask } from "../messages";
import { encodeRows } from "./cocoRle";
import { maskJson } from "./messageSamples";

export const FRAME = 3600;

export function encodePart(pictures: readonly { pts: number; canStart: boolean }[]): ArrayBuffer {
  const buffer = new ArrayBuffer(17 * pictures.length);
  const view = new DataView(buffer);
  pictures.forEach(({ pts, canStart }, index) => {
    view.setFloat64(17 * index, pts, true);
    view.setUint32(17 * index + 8, canStart ? 1 : 0, true);
    view.setUint32(17 * index + 12, 1, true);
    view.setUint8(17 * index + 16, index);
  });
  return buffer;
}

/** Parts of `perPart` pictures, decoded in an order of which the second picture of four is shown last. */
export class FakeFilm {
  computedTo = Infinity;
  failures = 0;
  readonly asked: number[] = [];

  constructor(
    readonly parts: number,
    readonly perPart: number,
  ) {}

  get spans(): PartSpan[] {
    return Array.from({ length: this.parts }, (_, number) => this.span(number));
  }

  span(number: number): PartSpan {
    return { fromPts: number * this.perPart * FRAME, toPts: (number + 1) * this.perPart * FRAME };
  }

  part(_id: string, number: number): Promise<ArrayBuffer> {
    this.asked.push(number);
    if (this.failures > 0) {
      this.failures--;
      return Promise.reject(new Error("away"));
    }
    const from = this.span(number).fromPts;
    const times = Array.from({ length: this.perPart }, (_, index) => from + index * FRAME);
    // As with B pictures: the third is decoded before the second.
    if (times.length > 2) [times[1], times[2]] = [times[2]!, times[1]!];
    return Promise.resolve(encodePart(times.map((pts, index) => ({ pts, canStart: index === 0 }))));
  }

  masks(_id: string, { fromPts, toPts }: PartSpan): Promise<MaskChunk> {
    const masks = [];
    for (let pts = fromPts; pts < Math.min(toPts, this.computedTo); pts += FRAME) {
      masks.push(parseMask(maskJson({ pts, rle: encodeRows(["....", ".##.", ".##.", "...."]) })));
    }
    return Promise.resolve({ masks, computedToPts: this.computedTo === Infinity ? toPts : this.computedTo });
  }

  library(): FilmLibrary {
    const library = new FilmLibrary(this, "r1", { set: (callback) => setTimeout(callback, 0), clear: () => undefined });
    library.setParts(0, this.spans, true);
    return library;
  }
}

export interface FakeFrame extends DecodedFrame {
  isClosed: boolean;
}

/** Gives pictures out in order of presentation, at most one behind, as decoders do; counts what is left open. */
export class FakeDecoder implements Decoder<FakeFrame> {
  static readonly open = new Set<FakeFrame>();
  static made = 0;
  onoutput: (frame: FakeFrame) => void = () => undefined;
  onerror: (error: Error) => void = () => undefined;
  ondequeue: () => void = () => undefined;
  decodeQueueSize = 0;
  private held: number[] = [];
  private isClosed = false;
  private needsKey = true;

  constructor() {
    FakeDecoder.made++;
  }

  decode({ type, timestamp }: { type: "key" | "delta"; timestamp: number }): void {
    if (this.isClosed) throw new Error("decoder is closed");
    if (this.needsKey && type !== "key") throw new Error("a key picture is needed first");
    this.needsKey = false;
    this.decodeQueueSize++;
    queueMicrotask(() => {
      this.decodeQueueSize--;
      this.held.push(timestamp);
      if (this.held.length > 1) this.give();
      if (!this.isClosed) this.ondequeue();
    });
  }

  async flush(): Promise<void> {
    while (this.decodeQueueSize > 0) await Promise.resolve();
    while (this.held.length > 0) this.give();
    this.needsKey = true;
  }

  close(): void {
    this.isClosed = true;
  }

  private give(): void {
    this.held.sort((a, b) => a - b);
    const timestamp = this.held.shift();
    if (timestamp === undefined || this.isClosed) return;
    const frame: FakeFrame = {
      timestamp,
      displayWidth: 640,
      displayHeight: 480,
      isClosed: false,
      close: () => {
        frame.isClosed = true;
        FakeDecoder.open.delete(frame);
      },
    };
    FakeDecoder.open.add(frame);
    this.onoutput(frame);
  }
}
