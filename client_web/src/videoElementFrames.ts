/**
 * Frames for browsers without MediaStreamTrackProcessor on the page: a hidden <video> and its frame
 * callback. Each picture is taken as a VideoFrame, whose own time says which callback tells of it.
 */
import { FitnessWatch } from "./frameMethods";
import type { SessionFrame } from "./overlaySession";
import { PictureJoin } from "./pictureJoin";

export type TakeFrame = (frame: SessionFrame, rtpTimestamp: number) => void;

export class VideoElementFrames {
  private readonly video = document.createElement("video");
  private readonly fitness: FitnessWatch;
  private readonly join = new PictureJoin<VideoFrame>();
  private isStopped = false;

  /** @param onUnfit called when too few pictures can be told apart in this browser. */
  constructor(
    track: MediaStreamTrack,
    private readonly take: TakeFrame,
    onUnfit: () => void,
  ) {
    this.fitness = new FitnessWatch(onUnfit);
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
    this.join.close();
  }

  private next(): void {
    this.video.requestVideoFrameCallback((_now, metadata) => {
      if (this.isStopped) return;
      this.next();
      this.fitness.note(this.capture(metadata));
    });
  }

  /** @returns whether a picture became known. */
  private capture({ rtpTimestamp, mediaTime }: VideoFrameCallbackMetadata): boolean {
    if (rtpTimestamp === undefined) return false;
    const known = this.join.add(takePicture(this.video), mediaTime, rtpTimestamp);
    for (const [image, timestamp] of known) {
      const { displayWidth: width, displayHeight: height } = image;
      this.take({ image, width, height, close: () => image.close() }, timestamp);
    }
    return known.length > 0;
  }
}

/** What the element shows now; null where a browser refuses to give it away. */
function takePicture(video: HTMLVideoElement): VideoFrame | null {
  try {
    return new VideoFrame(video);
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}
