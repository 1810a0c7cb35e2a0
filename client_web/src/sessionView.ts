/** The moving picture of one session with its masks: owns the video link and the overlay, has no controls. */
import type { Api } from "./api";
import type { ShownAiState } from "./aiWatch";
import { h, setText } from "./dom";
import { ApiError } from "./errors";
import type { FrameMethod } from "./frameMethods";
import { FittingHost } from "./overlayHost";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import { OverlaySilence } from "./overlaySilence";
import { JitteredBackoff } from "./reconnectPolicy";
import type { Snapshot } from "./snapshot";
import { strings } from "./strings";
import { VideoLink, type LinkState } from "./videoLink";
import { watchWaking } from "./waking";
import { connectWhep, type WhepConnection } from "./whep";

/** What is to be said beside the picture. */
export interface ViewReport {
  readonly aiState: ShownAiState;
  readonly aiReason: string;
  readonly stats: OverlayStats | null;
  readonly link: LinkState["type"];
  readonly method: FrameMethod;
}

export interface SessionViewOptions {
  readonly api: Api;
  readonly sessionId: string;
  readonly token: string | null;
  readonly settings: ViewSettings;
  readonly onReport: (report: ViewReport) => void;
  readonly onUnauthorized: () => void;
  /** The server does not know the session (any more). */
  readonly onGone: () => void;
}

export class SessionView {
  readonly element: HTMLElement;
  private readonly message = h("p", { class: "stage-message", role: "status" });
  private readonly host: FittingHost;
  private readonly link: VideoLink<WhepConnection>;
  private readonly size: ResizeObserver;
  private readonly watchdog: number;
  private readonly forgetWaking: () => void;
  private linkState: LinkState = { type: "connecting" };
  private current: OverlayStats | null = null;
  private readonly overlaySilence = new OverlaySilence();

  constructor(private readonly options: SessionViewOptions) {
    const { sessionId, token, settings } = options;
    this.host = new FittingHost({
      socket: { url: maskSocketUrl(sessionId), token },
      settings,
      onStats: (stats) => this.takeStats(stats),
      onUnfit: () => this.link.reconnect(),
    });
    this.element = h("div", { class: "stage" }, this.host.element, this.message);
    this.link = new VideoLink({
      connect: () => this.connect(),
      policy: new JitteredBackoff(),
      onConnection: (connection) => this.showVideo(connection),
      onLost: () => this.host.videoLost(),
      onState: (state) => this.takeLinkState(state),
    });
    this.size = new ResizeObserver(() => this.tellSize());
    this.size.observe(this.element);
    window.addEventListener("pagehide", this.onPageHide);
    this.forgetWaking = watchWaking({
      onSleep: () => this.host.doubt(),
      onWake: () => {
        this.host.doubt();
        this.link.retryNow();
      },
    });
    this.watchdog = setInterval(() => this.watchOverlay(), 250);
    this.showMessage();
    void this.link.start();
  }

  get stats(): OverlayStats | null {
    return this.current;
  }

  configure(settings: ViewSettings): void {
    this.host.configure(settings);
  }

  /** The clean picture on the screen with its mask; null when there is none. */
  snapshot(): Promise<Snapshot | null> {
    return this.host.snapshot();
  }

  dispose(): void {
    clearInterval(this.watchdog);
    window.removeEventListener("pagehide", this.onPageHide);
    this.forgetWaking();
    this.size.disconnect();
    this.link.close();
    this.host.close();
  }

  private async connect(): Promise<WhepConnection> {
    const { api, sessionId } = this.options;
    const isBurned = this.host.method === "burned";
    try {
      return await connectWhep(api, sessionId, isBurned ? "burned" : "clean");
    } catch (error) {
      // It cannot play H.264, which the server draws into; the source may be in another codec.
      if (isBurned && error instanceof ApiError && error.status === 406) this.host.giveUp();
      throw error;
    }
  }

  private showVideo(connection: WhepConnection): void {
    // The overlay worker paces the pictures by their own timestamps: no second buffer before it.
    connection.receiver.jitterBufferTarget = 0;
    this.host.setVideo(connection.viewer, connection.track);
  }

  private tellSize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    const scale = window.devicePixelRatio;
    this.host.setDisplay({ width: clientWidth * scale, height: clientHeight * scale });
  }

  private takeStats(stats: OverlayStats): void {
    const wasSilent = this.current !== null && this.current.socketState !== "open";
    this.current = stats;
    this.overlaySilence.noteReport();
    // The mask socket is often the first to notice that the server is back.
    if (wasSilent && stats.socketState === "open") this.link.retryNow();
    if (stats.socketState === "unauthorized") {
      this.options.onUnauthorized();
      return;
    }
    const isServed = stats.socketState !== "open" || stats.sourceState === "playing";
    this.link.noteProgress(stats.counters.framesReceived, isServed);
    this.report(stats.aiState, stats.aiReason);
  }

  private takeLinkState(state: LinkState): void {
    this.linkState = state;
    if (state.type === "unauthorized") {
      this.options.onUnauthorized();
      return;
    }
    if (state.type === "gone") this.options.onGone();
    this.showMessage();
  }

  private watchOverlay(): void {
    if (this.overlaySilence.isSilent) this.report("lost", strings.overlayStopped);
  }

  private report(aiState: ShownAiState, aiReason: string): void {
    this.showMessage();
    const { method } = this.host;
    this.options.onReport({ aiState, aiReason, stats: this.current, link: this.linkState.type, method });
  }

  /** Say why there is no moving picture; say nothing while there is one. */
  private showMessage(): void {
    const isMoving = (this.current?.framesPerSecond ?? 0) > 0;
    this.element.classList.toggle("still", !isMoving);
    setText(this.message, isMoving ? "" : this.explanation());
  }

  private explanation(): string {
    const stats = this.current;
    if (stats?.socketState === "ended") return strings.sessionEnded;
    switch (this.linkState.type) {
      case "connecting":
        return strings.connectingVideo;
      case "waiting":
        return strings.retryingVideo(strings.sourceReason(stats?.sourceReason ?? "", null) || this.linkState.reason);
      case "gone":
        return strings.sessionGone;
      default:
        return stats === null ? strings.waitingForPicture : waitingText(stats);
    }
  }

  private readonly onPageHide = (): void => this.link.close();
}

function waitingText({ sourceState, sourceReason, sourceRetry, socketState, counters }: OverlayStats): string {
  if (socketState === "waiting") return strings.retryingVideo(strings.serverSilent);
  if (sourceState === "playing") {
    const hadPictures = counters.framesReceived > 0;
    return hadPictures ? strings.retryingVideo(strings.videoStalled) : strings.waitingForPicture;
  }
  const reason = strings.sourceReason(sourceReason, sourceRetry);
  return [strings.sourceState(sourceState), reason].filter(Boolean).join(": ");
}

function maskSocketUrl(sessionId: string): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/v1/sessions/${encodeURIComponent(sessionId)}/masks`;
}
