/** One part of a film as the server sends it: coded pictures, each with its time. */
import { MessageError } from "../errors";

/** pts as a double, whether decoding can begin here, and the number of bytes that follow; little endian. */
const HEADER_BYTES = 16;

export interface CodedPicture {
  /** 90 kHz. */
  readonly pts: number;
  readonly canStart: boolean;
  readonly bytes: Uint8Array;
}

export interface FilmPart {
  /** In decoding order. */
  readonly pictures: readonly CodedPicture[];
  /** When its pictures are shown, in order; each time once. */
  readonly times: readonly number[];
  /** Times that two pictures share: nobody can say which of them a mask belongs to. */
  readonly ambiguous: ReadonlySet<number>;
}

/** @throws MessageError when the bytes are cut off or do not begin with a picture that can be decoded alone. */
export function parseFilmPart(content: ArrayBuffer): FilmPart {
  const view = new DataView(content);
  const pictures: CodedPicture[] = [];
  for (let at = 0; at < content.byteLength; ) {
    if (at + HEADER_BYTES > content.byteLength) throw new MessageError("the film is cut off");
    const pts = view.getFloat64(at, true);
    const canStart = view.getUint32(at + 8, true) === 1;
    const size = view.getUint32(at + 12, true);
    at += HEADER_BYTES;
    if (!Number.isSafeInteger(pts) || pts < 0 || at + size > content.byteLength) {
      throw new MessageError("the film is cut off");
    }
    pictures.push({ pts, canStart, bytes: new Uint8Array(content, at, size) });
    at += size;
  }
  if (pictures[0]?.canStart !== true) throw new MessageError("the film's part cannot be decoded by itself");
  const seen = new Set<number>();
  const ambiguous = new Set<number>();
  for (const { pts } of pictures) (seen.has(pts) ? ambiguous : seen).add(pts);
  return { pictures, times: [...seen].sort((a, b) => a - b), ambiguous };
}

/** What a decoder is told, and tells of its picture: microseconds, to the nearest. */
export function ptsToMicroseconds(pts: number): number {
  return Math.round((pts * 100) / 9);
}

/** The inverse, exact: a tick is eleven microseconds. */
export function microsecondsToPts(microseconds: number): number {
  return Math.round((microseconds * 9) / 100);
}

/** The last of sorted times that is not after `pts`; the first if all are. */
export function timeAt(times: readonly number[], pts: number): number | null {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= pts) low = middle + 1;
    else high = middle;
  }
  return times[Math.max(0, low - 1)] ?? null;
}
