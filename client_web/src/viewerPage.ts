/** One session, full window: picture, overlay, states, keys. Owns the video link and the overlay. */
import type { Api, Session } from "./api";
import { h, setText } from "./dom";
import { ApiError, describeError } from "./errors";
import { createHelpDialog } from "./helpDialog";
import { createOverlayHost, type OverlayHost } from "./overlayHost";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import type { Page } from "./page";
import { JitteredBackoff } from "./reconnectPolicy";
import { RegionDialog } from "./regionDialog";
import { viewerAddress } from "./sessionListPage";
import { StatusBar } from "./statusBar";
import { strings } from "./strings";
import { publishStats, clearStats } from "./testHook";
import { VideoLink, type LinkState } from "./videoLink";
import { cycleStyle, hideWhileHeld, initialSettings, toggleMode } from "./viewSettings";
import { connectWhep, type WhepConnection } from "./whep";

/** The overlay reports every 250 ms; when it stays silent this long, it has broken down itself. */
const OVERLAY_SILENCE_MS = 1000;

export interface ViewerPageOptions {
  readonly api: Api;
  readonly sessionId: string;
  readonly token: string | null;
  readonly onUnauthorized: () => void;
}

export class ViewerPage implements Page {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { class: "picture", width: "16", height: "9" });
  private readonly message = h("p", { class: "stage-message", role: "status" });
  private readonly help = createHelpDialog();
  private readonly region: RegionDialog;
  private readonly bar: StatusBar;
  private readonly host: OverlayHost;
  private readonly link: VideoLink<WhepConnection>;
  private settings: ViewSettings = initialSettings;
  private linkState: LinkState = { type: "connecting" };
  private stats: OverlayStats | null = null;
  private statsAt = performance.now();
  private session: Session | null = null;
  private readonly watchdog: number;

  constructor(private readonly options: ViewerPageOptions) {
    this.host = createOverlayHost({
      canvas: this.canvas,
      socket: { url: maskSocketUrl(options.sessionId), token: options.token },
      settings: this.settings,
      onStats: (stats) => this.takeStats(stats),
    });
    this.bar = new StatusBar(this.host.method, {
      back: () => this.leave(),
      cycleStyle: () => this.change(cycleStyle(this.settings)),
      toggleMode: () => this.change(toggleMode(this.settings)),
      fullScreen: () => this.toggleFullScreen(),
      newPatient: () => this.forgetPatient(),
      region: () => this.region.open(),
      help: () => this.toggleHelp(),
    });
    this.bar.showAi("lost", "");
    this.bar.showSettings(this.settings);
    this.region = new RegionDialog({
      pictureSize: () => this.stats?.pictureSize ?? null,
      load: () => options.api.getRegion(options.sessionId),
      save: (wanted) => options.api.putRegion(options.sessionId, wanted),
    });
    const stage = h("div", { class: "stage" }, this.canvas, this.message, this.region.sheet);
    this.element = h("main", { class: "viewer" }, stage, this.bar.element, this.help, this.region.element);
    this.link = new VideoLink({
      connect: () => connectWhep(options.api, options.sessionId),
      policy: new JitteredBackoff(),
      onConnection: (connection) => this.showVideo(connection),
      onLost: () => this.host.videoLost(),
      onState: (state) => this.takeLinkState(state),
    });
    document.addEventListener("keydown", this.onKeyDown);
    document.addEventListener("keyup", this.onKeyUp);
    window.addEventListener("blur", this.onBlur);
    window.addEventListener("pagehide", this.onPageHide);
    this.watchdog = setInterval(() => this.watchOverlay(), 250);
    void this.learnName();
    void this.link.start();
  }

  dispose(): void {
    clearInterval(this.watchdog);
    document.removeEventListener("keydown", this.onKeyDown);
    document.removeEventListener("keyup", this.onKeyUp);
    window.removeEventListener("blur", this.onBlur);
    window.removeEventListener("pagehide", this.onPageHide);
    this.link.close();
    this.host.close();
    clearStats();
  }

  private showVideo(connection: WhepConnection): void {
    // The overlay worker paces the pictures by their own timestamps: no second buffer before it.
    connection.receiver.jitterBufferTarget = 0;
    this.host.setVideo(connection.viewer, connection.track);
  }

  private takeStats(stats: OverlayStats): void {
    const wasSilent = this.stats !== null && this.stats.socketState !== "open";
    this.stats = stats;
    this.statsAt = performance.now();
    // The mask socket is often the first to notice that the server is back.
    if (wasSilent && stats.socketState === "open") this.link.retryNow();
    if (stats.socketState === "unauthorized") {
      this.options.onUnauthorized();
      return;
    }
    const isServed = stats.socketState !== "open" || stats.sourceState === "playing";
    this.link.noteProgress(stats.counters.framesReceived, isServed);
    this.bar.showAi(stats.aiState, stats.aiReason);
    this.bar.showSource(stats);
    this.bar.showFigures(stats);
    this.element.dataset["ai"] = stats.aiState;
    this.showMessage();
    publishStats(stats, this.settings, this.linkState.type, this.host.method);
  }

  private takeLinkState(state: LinkState): void {
    this.linkState = state;
    if (state.type === "unauthorized") {
      this.options.onUnauthorized();
      return;
    }
    if (state.type === "gone") void this.follow();
    this.showMessage();
  }

  /** Say why there is no moving picture; say nothing while there is one. */
  private showMessage(): void {
    const isMoving = (this.stats?.framesPerSecond ?? 0) > 0;
    this.element.classList.toggle("still", !isMoving);
    setText(this.message, isMoving ? "" : this.explanation());
  }

  private explanation(): string {
    if (this.stats?.socketState === "ended") return strings.sessionEnded;
    switch (this.linkState.type) {
      case "connecting":
        return strings.connectingVideo;
      case "waiting":
        return strings.retryingVideo(this.stats?.sourceReason || this.linkState.reason);
      case "gone":
        return strings.sessionGone;
      default:
        return this.waitingText();
    }
  }

  private waitingText(): string {
    if (this.stats === null) return strings.waitingForPicture;
    const { sourceState, sourceReason, socketState, counters } = this.stats;
    if (socketState === "waiting") return strings.retryingVideo(strings.serverSilent);
    if (sourceState === "playing") {
      const hadPictures = counters.framesReceived > 0;
      return hadPictures ? strings.retryingVideo(strings.videoStalled) : strings.waitingForPicture;
    }
    return [strings.sourceState(sourceState), sourceReason].filter(Boolean).join(": ");
  }

  private watchOverlay(): void {
    if (performance.now() - this.statsAt <= OVERLAY_SILENCE_MS) return;
    this.bar.showAi("lost", strings.overlayStopped);
    this.element.dataset["ai"] = "lost";
  }

  private async learnName(): Promise<void> {
    try {
      this.session = await this.options.api.getSession(this.options.sessionId);
      this.bar.setName(this.session.name);
      document.title = `${this.session.name} – ${strings.product}`;
    } catch (error) {
      // The link meets the same trouble and tells it; the bar shows the id meanwhile.
      this.bar.setName(this.options.sessionId);
      if (!(error instanceof ApiError)) console.warn(describeError(error));
    }
  }

  /** After a server's restart the same room has another id: go there when there is no doubt. */
  private async follow(): Promise<void> {
    const known = this.session;
    if (known === null) return;
    try {
      const same = (await this.options.api.listSessions()).filter(
        (other) => other.name === known.name && other.sourceLabel === known.sourceLabel,
      );
      if (same.length === 1 && same[0] !== undefined) location.replace(viewerAddress(same[0].id));
    } catch (error) {
      console.warn(describeError(error));
    }
  }

  private change(settings: ViewSettings): void {
    this.settings = settings;
    this.host.configure(settings);
    this.bar.showSettings(settings);
  }

  private forgetPatient(): void {
    if (!confirm(strings.confirmNewPatient)) return;
    this.options.api
      .resetSession(this.options.sessionId)
      .catch((error: unknown) => alert(describeError(error)));
  }

  private leave(): void {
    location.hash = "#/";
  }

  private toggleHelp(): void {
    if (this.help.open) this.help.close();
    else this.help.showModal();
  }

  private openRegion(event: KeyboardEvent): void {
    if (this.help.open) return;
    event.preventDefault();
    this.region.open();
  }

  private toggleFullScreen(): void {
    const done = document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen();
    done.catch((error: unknown) => console.warn(describeError(error)));
  }

  private readonly onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.region.isBusy) {
      // Keys belong to the dialog's fields; it closes by Escape itself.
      if (event.key === "Escape") this.region.stopDrawing();
      return;
    }
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.change(hideWhileHeld(this.settings, true));
      return;
    }
    if (!event.repeat) this.press(event);
  };

  private press(event: KeyboardEvent): void {
    if (event.key === "Escape") this.escape();
    else if (event.key === "?") this.toggleHelp();
    else if (event.key === "o") this.change(cycleStyle(this.settings));
    else if (event.key === "m") this.change(toggleMode(this.settings));
    else if (event.key === "r") this.openRegion(event);
    else if (event.key === "f") this.toggleFullScreen();
  }

  /** A dialog and full screen are left first; both close by Escape themselves. */
  private escape(): void {
    if (!this.help.open && !document.fullscreenElement) this.leave();
  }

  private readonly onKeyUp = (event: KeyboardEvent): void => {
    if (event.key === " ") this.change(hideWhileHeld(this.settings, false));
  };

  private readonly onBlur = (): void => {
    if (this.settings.hidden) this.change(hideWhileHeld(this.settings, false));
  };

  private readonly onPageHide = (): void => this.link.close();
}

function maskSocketUrl(sessionId: string): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/v1/sessions/${encodeURIComponent(sessionId)}/masks`;
}
