/**
 * How a browser can be shown masks on their own frames, best first. None of them ever draws a mask on
 * another frame.
 */
export type FrameMethod =
  /** A worker is handed every decoded frame with its own RTP timestamp. */
  | "exact"
  /** A video element tells the timestamp of each picture; its own time says whose it is. */
  | "checked"
  /** The server draws the masks into the video. */
  | "burned"
  /** The video without any mask, where the browser cannot play what the server draws. */
  | "none";

/** The globals that decide; the page's own `window`, or what a test says. */
export interface Platform {
  readonly MediaStreamTrackProcessor?: unknown;
  readonly VideoFrame?: { readonly prototype: object } | undefined;
  readonly HTMLVideoElement?: { readonly prototype: object } | undefined;
}

/** The methods to try, in this order. */
export function methodsOf(platform: Platform): FrameMethod[] {
  const methods: FrameMethod[] = [];
  const frame = platform.VideoFrame?.prototype;
  const element = platform.HTMLVideoElement?.prototype;
  const canProcess = platform.MediaStreamTrackProcessor !== undefined;
  if (canProcess && frame !== undefined && "metadata" in frame) methods.push("exact");
  if (frame !== undefined && element !== undefined && "requestVideoFrameCallback" in element) methods.push("checked");
  return [...methods, "burned", "none"];
}

/** So many frames are judged together. */
export const FITNESS_FRAMES = 60;

/**
 * Watches whether a method works in this browser: of each 60 frames at least a quarter must be known
 * by their timestamps (a busy machine loses some). Says once when they are not.
 */
export class FitnessWatch {
  private frames = 0;
  private known = 0;
  private isUnfit = false;

  constructor(private readonly onUnfit: () => void) {}

  note(isKnown: boolean): void {
    this.frames++;
    if (isKnown) this.known++;
    if (this.frames < FITNESS_FRAMES) return;
    const isFit = this.known >= FITNESS_FRAMES / 4;
    this.frames = 0;
    this.known = 0;
    if (isFit || this.isUnfit) return;
    this.isUnfit = true;
    this.onUnfit();
  }
}
