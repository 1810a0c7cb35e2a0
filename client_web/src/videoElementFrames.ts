/**
 * Frames for browsers without MediaStreamTrackProcessor on the page: a hidden <video> and its frame
 * callback. Near-exact: the picture taken may be newer by one than the callback's timestamp.
 */
import type { SessionFrame } from "./overlaySession";

export type TakeFrame = (frame: SessionFrame, rtpTimestamp: number) => void;

/** True where frames can be handed over singly, each with its own RTP timestamp. */
export function hasExactFrames(): boolean {
  return (
    typeof MediaStreamTrackProcessor !== "undefined" &&
    typeof VideoFrame !== "undefined" &&
    "metadata" in VideoFrame.prototype
  );
}

export class VideoElementFrames {
  private readonly video = document.createElement("video");
  private isStopped = false;
  /** Bitmaps are made one after the other, so that pictures keep their order. */
  private isBusy = false;

  constructor(
    track: MediaStreamTrack,
    private readonly take: TakeFrame,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.srcObject = new MediaStream([track]);
    this.next();
    // Muted video may always play; it is refused only when the element is already gone.
    this.video.play().catch(() => undefined);
  }

  stop(): void {
    this.isStopped = true;
    this.video.srcObject = null;
  }

  private next(): void {
    this.video.requestVideoFrameCallback((_now, metadata) => {
      if (this.isStopped) return;
      void this.capture(metadata.rtpTimestamp);
      this.next();
    });
  }

  private async capture(rtpTimestamp: number | undefined): Promise<void> {
    if (rtpTimestamp === undefined || this.isBusy) return;
    this.isBusy = true;
    try {
      const bitmap = await createImageBitmap(this.video);
      if (this.isStopped) bitmap.close();
      else {
        const { width, height } = bitmap;
        this.take({ image: bitmap, width, height, close: () => bitmap.close() }, rtpTimestamp);
      }
    } finally {
      this.isBusy = false;
    }
  }
}
