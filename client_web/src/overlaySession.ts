/**
 * Joins the mask socket, the frames and the canvas of one session. The same object runs in the
 * overlay worker (frames from MediaStreamTrackProcessor) and, where that is missing, on the page.
 */
import { AiWatch } from "./aiWatch";
import type { Clock, Timers } from "./clock";
import { MaskError, type MessageError } from "./errors";
import { FindingWatch } from "./findingWatch";
import { FrameMatcher, type Closable, type Picture } from "./frameMatcher";
import { LatencyWindow } from "./latencyWindow";
import { createMaskShape, type MaskShape } from "./maskShape";
import type { MaskSocket, MaskSocketListener, SocketState } from "./maskSocket";
import type { MaskMessage, ServerMessage } from "./messages";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import type { ViewLayout } from "./overlayLook";
import type { Drawable, Overlay } from "./overlayRenderer";
import type { Extent } from "./pictureGeometry";
import { isSameSize } from "./pictureSizes";
import type { PresentPicture } from "./snapshot";

export const REPORT_EVERY_MS = 250;
/** The screen is looked after at least this often. */
export const MAX_TICK_MS = 25;
/** When the time of day runs ahead of the clock by this much, the machine was asleep. */
export const SLEEP_MS = 1000;
/** A keyframe takes its time: it is not asked for more often than this. */
export const REPAIR_EVERY_MS = 500;
const WINDOW_MS = 5000;

export interface SessionFrame extends Closable, Drawable {}

interface ShapedMask {
  readonly shape: MaskShape;
  readonly message: MaskMessage;
}

export interface PicturePainter {
  draw(picture: Drawable, overlay: Overlay | null, layout: ViewLayout): void;
  setDisplay(display: Extent): void;
  clear(): void;
}

export interface OverlaySessionOptions {
  readonly clock: Clock;
  /** The time of day: it goes on while the machine sleeps, the clock may not. */
  readonly timeOfDay: Clock;
  readonly timers: Timers;
  readonly painter: PicturePainter;
  readonly settings: ViewSettings;
  readonly report: (stats: OverlayStats) => void;
}

/**
 * Whether a picture has the size of the mask's own.
 *
 * After a change of size a decoder may give old pictures out under new time stamps (see PictureSizes). Their time is
 * the mask's, what they show is not.
 */
export function hasSizeOf({ shape }: { readonly shape: MaskShape }, frame: Extent): boolean {
  const [height, width] = shape.sourceSize;
  return isSameSize(frame, { width, height });
}

export class OverlaySession implements MaskSocketListener {
  private readonly matcher: FrameMatcher<SessionFrame, ShapedMask>;
  private readonly watch: AiWatch;
  private readonly findings = new FindingWatch();
  private readonly maskAges = new LatencyWindow(WINDOW_MS);
  private readonly heldTimes = new LatencyWindow(WINDOW_MS);
  private readonly drawTimes = new LatencyWindow(1000);
  private readonly maskedTimes = new LatencyWindow(1000);
  private maskedBefore = 0;
  private findingNews = 0;
  private spoiledBefore = 0;
  private repairAskedAt: number | null = null;
  private settings: ViewSettings;
  private socket: MaskSocket | null = null;
  private socketState: SocketState = "connecting";
  private viewer: string | null = null;
  private modelName = "";
  private badMessages = 0;
  private pictureSize: { width: number; height: number } | null = null;
  private timer: number | null = null;
  private reportedAt: number | null = null;
  private reportedKey = "";
  private aheadMs: number | null = null;

  constructor(private readonly options: OverlaySessionOptions) {
    this.settings = options.settings;
    this.matcher = new FrameMatcher<SessionFrame, ShapedMask>(options.clock, hasSizeOf);
    this.matcher.setMode(options.settings.mode);
    this.watch = new AiWatch(options.clock);
  }

  /** The socket is made by the caller, with this object as its listener. */
  start(socket: MaskSocket): void {
    this.socket = socket;
    socket.connect();
    this.run();
  }

  stop(): void {
    if (this.timer !== null) this.options.timers.clear(this.timer);
    this.timer = null;
    const socket = this.socket;
    // Without a socket the session is over and sets no timer again.
    this.socket = null;
    socket?.close();
    this.matcher.reset();
  }

  configure(settings: ViewSettings): void {
    if (settings.mode !== this.settings.mode) {
      this.matcher.setMode(settings.mode);
      this.maskAges.clear();
      this.heldTimes.clear();
    }
    this.settings = settings;
    this.matcher.requestRedraw();
    this.run();
  }

  /** The canvas may fill another size from now on. */
  setDisplay(display: Extent): void {
    this.options.painter.setDisplay(display);
    this.matcher.requestRedraw();
    this.run();
  }

  /** Time may pass, or has passed, in which nothing is heard: nothing heard before counts any more. */
  doubt(): void {
    this.watch.noteDisconnected();
    this.socket?.retryNow();
    this.run();
  }

  /**
   * A new video connection: nothing known of the old one counts.
   *
   * @param viewer whose frames get masks; null when the masks are in the pictures already.
   */
  videoConnected(viewer: string | null): void {
    this.viewer = viewer;
    this.matcher.reset();
    this.socket?.attach(viewer);
  }

  /** The video is gone: an old picture must not pass for a live one. */
  videoLost(): void {
    this.viewer = null;
    this.watch.noteVideoLost();
    this.matcher.reset();
    this.socket?.attach(null);
    this.options.painter.clear();
    this.pictureSize = null;
  }

  /** What is on the screen, for a snapshot; its frame may be closed in the next turn. Null without a picture. */
  get present(): PresentPicture | null {
    const { present, lastMask } = this.matcher;
    if (present === null) return null;
    const { frame, ownMask } = present;
    // A frame without a mask of its own shows what the AI got of the frames around it.
    const nearest = ownMask ?? (lastMask !== null && hasSizeOf(lastMask, frame) ? lastMask : null);
    return {
      frame,
      mask: ownMask?.message ?? null,
      region: nearest?.message.region ?? null,
      modelName: this.modelName,
      aiState: this.watch.verdict().state,
    };
  }

  pushFrame(frame: SessionFrame, rtpTimestamp: number): void {
    this.watch.noteFrame();
    this.matcher.pushFrame(frame, rtpTimestamp);
    this.run();
  }

  onArrival(): void {
    this.watch.noteMessage();
  }

  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.modelName = message.model_name;
        break;
      case "origin":
        if (message.viewer === this.viewer) this.matcher.setOrigin(message.rtp_origin);
        break;
      case "size": {
        const [height, width] = message.source_size;
        this.matcher.tellSize(message.pts, { width, height });
        break;
      }
      case "state":
        this.watch.noteState(message);
        break;
      case "mask":
        this.takeMask(message);
        break;
      case "finding":
        this.findings.note(message.id, message.revision);
        this.findingNews++;
        break;
      case "findings_removed":
        this.findingNews++;
        break;
    }
    this.run();
  }

  onBadMessage(error: MessageError): void {
    this.badMessages++;
    // The first one is worth a line for support; the counter tells the rest.
    if (this.badMessages === 1) console.warn(`mask socket: ${error.message}`);
  }

  onSocketState(state: SocketState): void {
    this.socketState = state;
    if (state !== "open" && state !== "connecting") this.watch.noteDisconnected();
    this.run();
  }

  private takeMask(message: MaskMessage): void {
    this.watch.noteMask(message.ai_state, message.age_ms);
    try {
      this.matcher.pushMask({ shape: createMaskShape(message), message }, message.pts, message.age_ms);
    } catch (error) {
      if (!(error instanceof MaskError)) throw error;
      this.badMessages++;
    }
  }

  /** Bring the screen up to date, report, and set the timer for the next time. */
  private run(): void {
    const now = this.options.clock.now();
    this.socket?.dropIfDead();
    if (this.hasSlept(now)) this.watch.noteDisconnected();
    const verdict = this.watch.verdict();
    this.matcher.setMasksAllowed(verdict.state === "active");
    const picture = this.matcher.tick();
    if (picture !== null) this.show(picture, now);
    this.askForRepairIfSpoiled(now);
    this.reportIfDue(now);
    this.rearm();
  }

  private rearm(): void {
    if (this.timer !== null) this.options.timers.clear(this.timer);
    this.timer = null;
    if (this.socket === null) return;
    const due = Math.min(this.matcher.nextDueAt() ?? Infinity, this.watch.nextChangeAt() ?? Infinity);
    const wait = due - this.options.clock.now();
    // Expiries are strict (older than the limit): wake just after them, not on them.
    const delayMs = Math.min(MAX_TICK_MS, Math.max(1, Math.ceil(wait)));
    this.timer = this.options.timers.set(() => {
      this.timer = null;
      this.run();
    }, delayMs);
  }

  private show(picture: Picture<SessionFrame, ShapedMask>, now: number): void {
    const { look, hidden, mode, layout } = this.settings;
    const overlay: Overlay | null =
      picture.mask === null || hidden
        ? null
        : { shape: picture.mask.shape, look, ageMs: mode === "live" ? picture.maskAgeMs : null };
    this.options.painter.draw(picture.frame, overlay, layout);
    this.pictureSize = { width: picture.frame.width, height: picture.frame.height };
    if (picture.isNewFrame) {
      this.heldTimes.add(now, picture.heldMs);
      this.drawTimes.add(now, 0);
    }
    const masked = this.matcher.counters.framesWithMask;
    if (masked > this.maskedBefore) this.maskedTimes.add(now, 0);
    this.maskedBefore = masked;
    if (picture.maskAgeMs !== null) this.maskAges.add(now, picture.maskAgeMs);
  }

  private askForRepairIfSpoiled(now: number): void {
    const { spoiledFrames } = this.matcher.counters;
    const isSpoiled = spoiledFrames > this.spoiledBefore;
    this.spoiledBefore = spoiledFrames;
    if (!isSpoiled || (this.repairAskedAt !== null && now - this.repairAskedAt < REPAIR_EVERY_MS)) return;
    this.repairAskedAt = now;
    this.socket?.askForRepair();
  }

  private hasSlept(now: number): boolean {
    const before = this.aheadMs;
    this.aheadMs = this.options.timeOfDay.now() - now;
    return before !== null && this.aheadMs - before > SLEEP_MS;
  }

  private reportIfDue(now: number): void {
    const { state, reason } = this.watch.verdict();
    const { sourceState, sourceReason, sourceRetry } = this.watch;
    const retry = sourceRetry === null ? "" : `${sourceRetry.attempt} ${sourceRetry.in_s}`;
    const key = [state, reason, sourceState, sourceReason, retry, this.socketState, this.findingNews].join("|");
    const isDue = this.reportedAt === null || now - this.reportedAt >= REPORT_EVERY_MS;
    if (!isDue && key === this.reportedKey) return;
    this.reportedAt = now;
    this.reportedKey = key;
    this.options.report(this.stats(now));
  }

  private stats(now: number): OverlayStats {
    const { state, reason } = this.watch.verdict();
    return {
      aiState: state,
      aiReason: reason,
      sourceState: this.watch.sourceState,
      sourceReason: this.watch.sourceReason,
      sourceRetry: this.watch.sourceRetry,
      view: this.watch.view,
      socketState: this.socketState,
      mode: this.settings.mode,
      videoDelayMs: this.heldTimes.percentile(now, 0.5),
      maskLatencyMs: state === "active" ? this.maskAges.percentile(now, 0.95) : null,
      framesPerSecond: this.drawTimes.count(now),
      masksPerSecond: this.maskedTimes.count(now),
      pictureSize: this.pictureSize,
      hasOrigin: this.matcher.hasOrigin,
      badMessages: this.badMessages,
      modelName: this.modelName,
      counters: structuredClone(this.matcher.counters),
      newFindings: this.findings.newFindings,
      findingNews: this.findingNews,
    };
  }
}
