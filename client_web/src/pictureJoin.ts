/**
 * Which picture of a video element has which RTP timestamp. A frame callback tells the media time and
 * the RTP timestamp of one picture, while the element may show the next one already: pictures and
 * what is told of them are kept until they meet, by the picture's own time.
 */

/** The part of a VideoFrame that is used here. */
export interface TimedPicture {
  /** Microseconds. */
  readonly timestamp: number;
  close(): void;
}

/** Both times are microseconds at heart; one travels as a float of seconds. */
const SAME_US = 2;
const KEPT_PICTURES = 2;
const KEPT_TIMES = 8;

/** Whether a picture is the one its callback tells of: microseconds against seconds. */
export function isSamePicture(timestampUs: number, mediaTimeS: number): boolean {
  return Math.abs(timestampUs - mediaTimeS * 1e6) <= SAME_US;
}

/**
 * Invariant: only times that tell pictures apart are believed. Firefox 153 tells the media time 0 for
 * every picture of a connection, and VideoFrames the whole second: each would pass for each.
 */
export class PictureJoin<P extends TimedPicture> {
  private pictures: P[] = [];
  private lastMediaTimeS = 0;
  private told: { readonly mediaTimeS: number; readonly rtpTimestamp: number }[] = [];

  /**
   * @param picture what the element shows now, null if it gave none; closed here unless it is returned.
   * @returns pictures whose RTP timestamp is now known, each once; the caller closes them.
   */
  add(picture: P | null, mediaTimeS: number, rtpTimestamp: number): [P, number][] {
    if (mediaTimeS <= this.lastMediaTimeS) {
      picture?.close();
      return [];
    }
    this.lastMediaTimeS = mediaTimeS;
    this.told.push({ mediaTimeS, rtpTimestamp });
    if (this.told.length > KEPT_TIMES) this.told.shift();
    if (picture !== null) this.keep(picture);
    const met: [P, number][] = [];
    for (const kept of this.pictures) {
      const index = this.told.findIndex((times) => isSamePicture(kept.timestamp, times.mediaTimeS));
      const [times] = index < 0 ? [] : this.told.splice(index, 1);
      if (times !== undefined) met.push([kept, times.rtpTimestamp]);
    }
    this.pictures = this.pictures.filter((kept) => !met.some(([known]) => known === kept));
    return met;
  }

  close(): void {
    for (const picture of this.pictures) picture.close();
    this.pictures = [];
    this.told = [];
  }

  private keep(picture: P): void {
    if (this.pictures.some((kept) => kept.timestamp === picture.timestamp)) {
      picture.close();
      return;
    }
    this.pictures.push(picture);
    if (this.pictures.length > KEPT_PICTURES) this.pictures.shift()?.close();
  }
}
