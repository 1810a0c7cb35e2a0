/**
 * The last resort: the server draws the masks into the video, and a plain <video> shows it. Works in
 * every browser; a mask cannot be hidden or lie on another frame, as it is part of the picture.
 */
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import { systemClock, systemTimeOfDay, systemTimers } from "./clock";
import { h } from "./dom";
import { MaskSocket } from "./maskSocket";
import type { HostOptions, OverlayHost } from "./overlayHost";
import { OverlaySession, type SessionFrame } from "./overlaySession";
import { JitteredBackoff } from "./reconnectPolicy";
import { TICKS_PER_MS } from "./rtpTime";

const LOOK_EVERY_MS = 20;

export class BurnedHost implements OverlayHost {
  readonly method = "burned";
  readonly element: HTMLVideoElement = h("video", { class: "picture" });
  private readonly session: OverlaySession;
  private readonly timer: number;
  private framesSeen = 0;
  private newestAt = 0;
  private isClosed = false;

  constructor({ socket, settings, onStats }: HostOptions) {
    this.element.muted = true;
    this.element.playsInline = true;
    this.session = new OverlaySession({
      clock: systemClock,
      timeOfDay: systemTimeOfDay,
      timers: systemTimers,
      painter: { draw: () => undefined, clear: () => undefined, setDisplay: () => undefined },
      settings,
      report: (stats) => queueMicrotask(() => (this.isClosed ? undefined : onStats(stats))),
    });
    this.session.start(new MaskSocket({ ...socket, policy: new JitteredBackoff(), listener: this.session }));
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  setVideo(_viewer: string, track: MediaStreamTrack): void {
    this.element.srcObject = new MediaStream([track]);
    this.framesSeen = 0;
    // No mask is ever asked for here: those of the server are in the picture.
    this.session.videoConnected(null);
    // Muted video may always play; it is refused only when the element is already gone.
    this.element.play().catch(() => undefined);
  }

  videoLost(): void {
    this.element.srcObject = null;
    this.session.videoLost();
  }

  /** How masks look was decided by the server. */
  configure(): void {
    return;
  }

  /** The element fits itself. */
  setDisplay(): void {
    return;
  }

  doubt(): void {
    this.session.doubt();
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.timer);
    this.element.srcObject = null;
    this.session.stop();
  }

  /** Tell the session of a new picture; take one off the screen whose mask would be too old. */
  private look(): void {
    const now = systemClock.now();
    const frames = this.element.getVideoPlaybackQuality().totalVideoFrames;
    if (frames !== this.framesSeen) {
      this.framesSeen = frames;
      this.newestAt = now;
      const { videoWidth: width, videoHeight: height } = this.element;
      const frame: SessionFrame = { image: this.element, width, height, close: () => undefined };
      this.session.pushFrame(frame, Math.round(now * TICKS_PER_MS) % 2 ** 32);
    }
    this.element.style.opacity = now - this.newestAt <= MASK_AGE_LIMIT_MS ? "" : "0";
  }
}
