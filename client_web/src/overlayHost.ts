/** The page's side of the overlay: a worker where the browser allows, the same session here if not. */
import { systemClock, systemTimeOfDay, systemTimers } from "./clock";
import { h } from "./dom";
import { methodsOf, type FrameMethod } from "./frameMethods";
import { MaskSocket } from "./maskSocket";
import type { FromWorker, OverlayStats, SocketSettings, ToWorker, ViewSettings } from "./overlayProtocol";
import { OverlayRenderer } from "./overlayRenderer";
import { OverlaySession } from "./overlaySession";
import type { Extent } from "./pictureGeometry";
import { PlainHost } from "./plainHost";
import { JitteredBackoff } from "./reconnectPolicy";
import { takeSnapshot, type Snapshot } from "./snapshot";
import { VideoElementFrames } from "./videoElementFrames";

export interface OverlayHost {
  readonly method: FrameMethod;
  /** Where the picture is. */
  readonly element: HTMLElement;
  setVideo(viewer: string, track: MediaStreamTrack): void;
  videoLost(): void;
  configure(settings: ViewSettings): void;
  /** Device pixels that the canvas may fill. */
  setDisplay(display: Extent): void;
  /** Nothing heard before counts any more: the tab or the machine sleeps or slept. */
  doubt(): void;
  /** The clean picture on the screen with its mask; null when there is none, or none without masks in it. */
  snapshot(): Promise<Snapshot | null>;
  close(): void;
}

export interface HostOptions {
  readonly socket: SocketSettings;
  readonly settings: ViewSettings;
  readonly onStats: (stats: OverlayStats) => void;
  /** The method does not work in this browser: another host is needed. */
  readonly onUnfit: () => void;
}

/** The best host this browser can have, and a lesser one when it turns out not to work. */
export class FittingHost {
  /** Holds the picture of the present host; has no box of its own. */
  readonly element = h("div", { style: "display: contents" });
  private readonly methods = methodsOf(window);
  private readonly options: HostOptions;
  private settings: ViewSettings;
  private display: Extent | null = null;
  private host: OverlayHost;

  /** @param options `onUnfit` is called when another host has come: the video must connect anew. */
  constructor(options: HostOptions) {
    this.options = options;
    this.settings = options.settings;
    this.host = this.create();
  }

  get method(): FrameMethod {
    return this.host.method;
  }

  setVideo(viewer: string, track: MediaStreamTrack): void {
    this.host.setVideo(viewer, track);
  }

  videoLost(): void {
    this.host.videoLost();
  }

  configure(settings: ViewSettings): void {
    this.settings = settings;
    this.host.configure(settings);
  }

  setDisplay(display: Extent): void {
    this.display = display;
    this.host.setDisplay(display);
  }

  doubt(): void {
    this.host.doubt();
  }

  snapshot(): Promise<Snapshot | null> {
    return this.host.snapshot();
  }

  /** The video that the present method needs cannot be had: go on with the next one. */
  giveUp(): void {
    this.replace(this.host);
  }

  close(): void {
    this.host.close();
  }

  private create(): OverlayHost {
    const method = this.methods.shift() ?? "none";
    const settings = this.settings;
    const host = createHost(method, { ...this.options, settings, onUnfit: () => this.replace(host) });
    this.element.replaceChildren(host.element);
    return host;
  }

  private replace(unfit: OverlayHost): void {
    if (this.host !== unfit) return;
    unfit.close();
    this.host = this.create();
    if (this.display !== null) this.host.setDisplay(this.display);
    this.options.onUnfit();
  }
}

function createHost(method: FrameMethod, options: HostOptions): OverlayHost {
  switch (method) {
    case "exact":
      return new WorkerHost(options);
    case "checked":
      return new PageHost(options);
    default:
      return new PlainHost(method, options);
  }
}

const createCanvas = (): HTMLCanvasElement => h("canvas", { class: "picture", width: "16", height: "9", "aria-hidden": "true" });

class WorkerHost implements OverlayHost {
  readonly method = "exact";
  readonly element = createCanvas();
  private readonly worker = new Worker(new URL("./overlay.worker.ts", import.meta.url), {
    type: "module",
    name: "overlay",
  });
  private readonly awaited: ((snapshot: Snapshot | null) => void)[] = [];

  constructor({ socket, settings, onStats, onUnfit }: HostOptions) {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "stats") onStats(data.stats);
      else if (data.type === "snapshot") this.awaited.shift()?.(data.snapshot);
      else onUnfit();
    };
    const offscreen = this.element.transferControlToOffscreen();
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

  snapshot(): Promise<Snapshot | null> {
    return new Promise((resolve) => {
      this.awaited.push(resolve);
      this.post({ type: "snapshot" });
    });
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
  readonly method = "checked";
  readonly element = createCanvas();
  private readonly session: OverlaySession;
  private frames: VideoElementFrames | null = null;
  private isClosed = false;

  constructor(private readonly options: HostOptions) {
    const { socket, settings, onStats } = options;
    const context = this.element.getContext("2d", { alpha: false });
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
    const take = this.session.pushFrame.bind(this.session);
    this.frames = new VideoElementFrames(track, take, () => this.options.onUnfit());
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

  snapshot(): Promise<Snapshot | null> {
    return takeSnapshot(this.session.present);
  }

  close(): void {
    this.isClosed = true;
    this.frames?.stop();
    this.session.stop();
  }
}
