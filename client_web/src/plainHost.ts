/**
 * The last resort: a plain <video> shows what comes. Either the server has drawn the masks into it, so
 * that none can lie on another frame or be hidden, or there are none.
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

export class PlainHost implements OverlayHost {
  readonly element: HTMLVideoElement = h("video", { class: "picture" });
  private readonly session: OverlaySession;
  private readonly timer: number;
  private framesCalled = 0;
  private framesSeen = 0;
  private newestAt = 0;
  private isClosed = false;

  constructor(
    readonly method: "burned" | "none",
    { socket, settings, onStats }: HostOptions,
  ) {
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
    if ("requestVideoFrameCallback" in this.element) this.countCalls();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  setVideo(_viewer: string, track: MediaStreamTrack): void {
    this.element.srcObject = new MediaStream([track]);
    this.framesSeen = 0;
    // No mask is ever drawn here.
    this.session.videoConnected(null);
    // Muted video may always play; it is refused only when the element is already gone.
    this.element.play().catch(() => undefined);
  }

  videoLost(): void {
    this.element.srcObject = null;
    this.session.videoLost();
  }

  /** How masks look, if there are any, was decided by the server. */
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

  /** Whether masks are drawn into the picture cannot be told here. */
  snapshot(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.timer);
    this.element.srcObject = null;
    this.session.stop();
  }

  private countCalls(): void {
    this.element.requestVideoFrameCallback(() => {
      this.framesCalled++;
      if (!this.isClosed) this.countCalls();
    });
  }

  /** Tell the session of a new picture; take one off the screen whose mask would be too old. */
  private look(): void {
    const now = systemClock.now();
    // Firefox counts no frames of a connection; callbacks rest in a tab that is not seen.
    const frames = this.element.getVideoPlaybackQuality().totalVideoFrames + this.framesCalled;
    if (frames !== this.framesSeen) {
      this.framesSeen = frames;
      this.newestAt = now;
      const { videoWidth: width, videoHeight: height } = this.element;
      const frame: SessionFrame = { image: this.element, width, height, close: () => undefined };
      this.session.pushFrame(frame, Math.round(now * TICKS_PER_MS) % 2 ** 32);
    }
    const isTooOld = this.method === "burned" && now - this.newestAt > MASK_AGE_LIMIT_MS;
    this.element.style.opacity = isTooOld ? "0" : "";
  }
}
