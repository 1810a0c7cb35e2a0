/**
 * Frames for browsers without MediaStreamTrackProcessor on the page: a hidden <video> and its frame
 * callback. By the time of the callback the element may show the next picture already (3 of 500 at 60
 * frames a second in Chromium). So the picture is taken as a VideoFrame, whose timestamp must be the
 * callback's media time; any other picture is left out, and its own callback follows.
 */
import { FitnessWatch } from "./frameMethods";
import type { SessionFrame } from "./overlaySession";

export type TakeFrame = (frame: SessionFrame, rtpTimestamp: number) => void;

/** Both times are microseconds at heart; one travels as a float of seconds. */
const SAME_US = 2;

/** Whether a picture is the one its callback tells of: microseconds against seconds. */
export function isSamePicture(timestampUs: number, mediaTimeS: number): boolean {
  return Math.abs(timestampUs - mediaTimeS * 1e6) <= SAME_US;
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

export class VideoElementFrames {
  private readonly video = document.createElement("video");
  private readonly fitness: FitnessWatch;
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
  }

  private next(): void {
    this.video.requestVideoFrameCallback((_now, metadata) => {
      if (this.isStopped) return;
      this.next();
      this.fitness.note(this.capture(metadata));
    });
  }

  /** @returns whether the picture could be taken and is the one the callback tells of. */
  private capture({ rtpTimestamp, mediaTime }: VideoFrameCallbackMetadata): boolean {
    if (rtpTimestamp === undefined) return false;
    const frame = takePicture(this.video);
    if (frame === null) return false;
    if (!isSamePicture(frame.timestamp, mediaTime)) {
      frame.close();
      return false;
    }
    const { displayWidth: width, displayHeight: height } = frame;
    this.take({ image: frame, width, height, close: () => frame.close() }, rtpTimestamp);
    return true;
  }
}
