/** The page's side of the overlay: a worker where the browser allows, the same session here if not. */
import { systemClock, systemTimeOfDay, systemTimers } from "./clock";
import { MaskSocket } from "./maskSocket";
import type { FromWorker, OverlayStats, SocketSettings, ToWorker, ViewSettings } from "./overlayProtocol";
import { OverlayRenderer } from "./overlayRenderer";
import { OverlaySession } from "./overlaySession";
import type { Extent } from "./pictureGeometry";
import { JitteredBackoff } from "./reconnectPolicy";
import { hasExactFrames, VideoElementFrames } from "./videoElementFrames";

/** How surely a mask lies on its own frame in this browser. */
export type FrameMethod = "exact" | "near-exact";

export interface OverlayHost {
  readonly method: FrameMethod;
  setVideo(viewer: string, track: MediaStreamTrack): void;
  videoLost(): void;
  configure(settings: ViewSettings): void;
  /** Device pixels that the canvas may fill. */
  setDisplay(display: Extent): void;
  /** Nothing heard before counts any more: the tab or the machine sleeps or slept. */
  doubt(): void;
  close(): void;
}

export interface OverlayHostOptions {
  readonly canvas: HTMLCanvasElement;
  readonly socket: SocketSettings;
  readonly settings: ViewSettings;
  readonly onStats: (stats: OverlayStats) => void;
}

export function createOverlayHost(options: OverlayHostOptions): OverlayHost {
  return hasExactFrames() ? new WorkerHost(options) : new PageHost(options);
}

class WorkerHost implements OverlayHost {
  readonly method = "exact";
  private readonly worker = new Worker(new URL("./overlay.worker.ts", import.meta.url), {
    type: "module",
    name: "overlay",
  });

  constructor({ canvas, socket, settings, onStats }: OverlayHostOptions) {
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => onStats(event.data.stats);
    const offscreen = canvas.transferControlToOffscreen();
    this.post({ type: "start", canvas: offscreen, socket, settings }, [offscreen]);
  }

  setVideo(viewer: string, track: MediaStreamTrack): void {
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 3 });
    this.post({ type: "video", viewer, readable }, [readable]);
  }

  videoLost(): void {
    this.post({ type: "video_lost" });
  }

  configure(settings: ViewSettings): void {
    this.post({ type: "settings", settings });
  }

  setDisplay(display: Extent): void {
    this.post({ type: "display", display });
  }

  doubt(): void {
    this.post({ type: "doubt" });
  }

  close(): void {
    this.worker.onmessage = null;
    this.post({ type: "stop" });
    // The worker closes its socket first; it has nothing else to finish.
    setTimeout(() => this.worker.terminate(), 500);
  }

  private post(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }
}

class PageHost implements OverlayHost {
  readonly method = "near-exact";
  private readonly session: OverlaySession;
  private frames: VideoElementFrames | null = null;
  private isClosed = false;

  constructor({ canvas, socket, settings, onStats }: OverlayHostOptions) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("no 2d canvas in this browser");
    this.session = new OverlaySession({
      clock: systemClock,
      timeOfDay: systemTimeOfDay,
      timers: systemTimers,
      painter: new OverlayRenderer(context),
      settings,
      // Never within a call of the page's own, as a worker's messages never come either.
      report: (stats) => queueMicrotask(() => (this.isClosed ? undefined : onStats(stats))),
    });
    this.session.start(new MaskSocket({ ...socket, policy: new JitteredBackoff(), listener: this.session }));
  }

  setVideo(viewer: string, track: MediaStreamTrack): void {
    this.frames?.stop();
    this.session.videoConnected(viewer);
    this.frames = new VideoElementFrames(track, (frame, rtp) => this.session.pushFrame(frame, rtp));
  }

  videoLost(): void {
    this.frames?.stop();
    this.frames = null;
    this.session.videoLost();
  }

  configure(settings: ViewSettings): void {
    this.session.configure(settings);
  }

  setDisplay(display: Extent): void {
    this.session.setDisplay(display);
  }

  doubt(): void {
    this.session.doubt();
  }

  close(): void {
    this.isClosed = true;
    this.frames?.stop();
    this.session.stop();
  }
}
