/** The review of one film, full window: joins player, picture, timeline, bar, panels and keys. */
import type { ShownAiState } from "../aiWatch";
import { systemClock } from "../clock";
import { Commands } from "../commands";
import { h, setText } from "../dom";
import { ApiError, describeError, UnreachableError } from "../errors";
import { HelpDialog } from "../helpDialog";
import { reviewWords } from "../i18n/review";
import { loadKeyMap, saveKeyMap } from "../keyMap";
import { KeyRouter, listenForKeys, surroundingsOfDocument } from "../keyRouter";
import type { ViewSettings } from "../overlayProtocol";
import type { Page, PageContext } from "../page";
import { PanelHost } from "../panelHost";
import { createFindingsPanel } from "../panels/findingsPanel";
import { keepScreenOn } from "../screenLock";
import { inLanguage, strings } from "../strings";
import { ViewDialog } from "../viewDialog";
import { hideWhileHeld, loadSettings, saveSettings } from "../viewSettings";
import { FilmLibrary } from "./filmLibrary";
import { FilmPainter } from "./filmPainter";
import { FilmPlayer } from "./filmPlayer";
import { showTime } from "./filmTime";
import { ReviewApi, reviewAddress, reviewPath, type Review, type Timeline } from "./reviewApi";
import { ReviewBar } from "./reviewBar";
import { addReviewCommands } from "./reviewCommands";
import { ReviewFollower } from "./reviewFollower";
import { findingFrom, stretchAt } from "./timelinePlan";
import { TimelineView } from "./timelineView";
import { WebDecoder } from "./webDecoder";

/** People keep other keys here than in the live viewer. */
const KEYS = ".review";

export class ReviewPage implements Page {
  readonly element: HTMLElement;
  private readonly words = inLanguage(reviewWords);
  private readonly commands = new Commands(loadKeyMap(localStorage, KEYS));
  private readonly message = h("p", { class: "stage-message", role: "status" });
  private readonly stage: HTMLElement;
  private readonly library: FilmLibrary;
  private readonly painter: FilmPainter;
  private readonly player: FilmPlayer<VideoFrame>;
  private readonly line: TimelineView;
  private readonly bar: ReviewBar;
  private readonly viewDialog: ViewDialog;
  private readonly help: HelpDialog;
  private readonly panels: PanelHost;
  private readonly follower: ReviewFollower;
  private readonly endings: (() => void)[] = [];
  private settings: ViewSettings = loadSettings(localStorage);
  private review: Review | null = null;
  private timeline: Timeline = { stretches: [], findings: [], computedToPts: 0 };
  private codec = "";
  private frameRequest = 0;
  private wasPlaying = false;

  constructor(
    private readonly context: PageContext,
    private reviewId: string,
  ) {
    const api = new ReviewApi(context.api);
    const canvas = h("canvas", { class: "picture", width: "16", height: "9", "aria-hidden": "true" });
    this.stage = h("div", { class: "stage" }, canvas, this.message);
    this.library = new FilmLibrary(api, reviewId);
    this.painter = new FilmPainter(canvas, (pts) => this.library.maskOf(pts), this.settings);
    this.player = new FilmPlayer({
      library: this.library,
      createDecoder: () => new WebDecoder(this.codec),
      clock: systemClock,
      onFrame: (frame) => {
        this.painter.show(frame);
        this.showPicture();
      },
      onChange: () => this.showPlaying(),
      onTrouble: (error) => this.complain(error),
    });
    this.line = new TimelineView((pts) => this.player.seek(pts));
    this.viewDialog = new ViewDialog(this.settings, (settings) => this.change(settings), context.onLanguage, false);
    this.help = new HelpDialog(this.commands, [this.words.help]);
    this.panels = new PanelHost(this.panelContext(), this.commands);
    this.bar = new ReviewBar(this.commands, this.line);
    this.addCommands();
    this.follower = new ReviewFollower(api, reviewId, {
      onReview: (review) => this.takeReview(review),
      onParts: (first, spans, isComplete) => {
        this.library.setParts(first, spans, isComplete);
        this.line.setFilm(this.library.toPts);
        this.player.notePart();
        this.showPicture();
      },
      onTimeline: (timeline) => this.takeTimeline(timeline),
      onReopened: (review) => this.reopen(review),
      onTrouble: (error) => this.complain(error),
    });
    this.element = h(
      "main",
      { class: "viewer review" },
      h("h1", { class: "unseen" }, `${strings.product}: ${this.words.title}`),
      this.stage,
      this.panels.side,
      this.panels.below,
      this.bar.element,
      this.help.element,
      this.viewDialog.element,
    );
    this.watchSize();
    this.endings.push(keepScreenOn());
    setText(this.message, this.words.reading);
    this.follower.start();
    this.animate();
  }

  dispose(): void {
    cancelAnimationFrame(this.frameRequest);
    for (const end of this.endings) end();
    this.follower.dispose();
    this.player.dispose();
    this.library.dispose();
    this.painter.dispose();
    this.panels.dispose();
    this.line.dispose();
    for (const key of Object.keys(this.facts())) Reflect.deleteProperty(document.documentElement.dataset, key);
  }

  private panelContext(): ConstructorParameters<typeof PanelHost>[0] {
    const id = (): string => this.reviewId;
    return {
      api: this.context.api,
      token: this.context.token(),
      stage: this.stage,
      pictureSize: () => this.painter.size,
      onStats: () => () => undefined,
      film: {
        timeText: showTime,
        kept: this.words.kept,
        goTo: (pts) => {
          this.player.pause();
          this.player.seek(pts);
        },
      },
      // After a restart of the server the review has another id.
      get sessionId(): string {
        return id();
      },
      get path(): string {
        return reviewPath(id());
      },
    };
  }

  private addCommands(): void {
    addReviewCommands(this.commands, {
      player: this.player,
      toPts: () => this.library.toPts,
      finding: (direction) => findingFrom(this.timeline.findings, this.player.position, direction),
      leave: () => this.escape(),
      hide: (hidden) => this.change(hideWhileHeld(this.settings, hidden)),
      change: (apply) => this.change(apply(this.settings)),
      openView: () => this.viewDialog.open(),
      toggleFullScreen: () => this.toggleFullScreen(),
      toggleHelp: () => this.help.toggle(),
    });
    this.panels.add(createFindingsPanel());
    this.commands.onChange(() => saveKeyMap(localStorage, this.commands.keyMap, KEYS));
    this.endings.push(listenForKeys(new KeyRouter(this.commands, surroundingsOfDocument)));
  }

  private watchSize(): void {
    const size = new ResizeObserver(() => {
      const { clientWidth, clientHeight } = this.stage;
      if (clientWidth === 0 || clientHeight === 0) return;
      const scale = window.devicePixelRatio;
      this.painter.setDisplay({ width: clientWidth * scale, height: clientHeight * scale });
    });
    size.observe(this.stage);
    this.endings.push(() => size.disconnect());
  }

  private animate(): void {
    this.frameRequest = requestAnimationFrame(() => this.animate());
    this.player.tick();
  }

  private takeReview(review: Review): void {
    this.review = review;
    this.codec = review.codec ?? this.codec;
    document.title = `${review.label} – ${strings.product}`;
    this.bar.showReview(review);
    // A film that breaks off is at its end where it broke off.
    if (review.state === "failed" && review.parts === 0) setText(this.message, review.reason);
    this.showPicture();
  }

  private takeTimeline(timeline: Timeline): void {
    this.timeline = timeline;
    this.line.setTimeline(timeline);
    const { pts } = this.painter;
    if (pts !== null) void this.refresh(pts);
    this.showPicture();
  }

  /** The masks around the picture shown may be there now. */
  private async refresh(pts: number): Promise<void> {
    try {
      if (await this.library.refreshMasks(pts)) this.painter.draw();
    } catch (error) {
      this.complain(error);
    }
    this.showPicture();
  }

  private reopen(review: Review): void {
    this.reviewId = review.id;
    // No event comes of this: the page stays, and a reload finds the new review.
    history.replaceState(history.state, "", reviewAddress(review.id));
    this.timeline = { stretches: [], findings: [], computedToPts: 0 };
    this.line.setTimeline(this.timeline);
    this.library.rebind(review.id);
    this.player.reopen();
  }

  private showPicture(): void {
    const { pts } = this.painter;
    if (pts !== null) setText(this.message, "");
    const [state, reason] = this.verdict(pts);
    this.bar.showPicture(state, reason);
    this.element.dataset["ai"] = state;
    this.line.setPosition(this.player.position);
    this.bar.showTime(this.player.position, this.library.toPts);
    Object.assign(document.documentElement.dataset, this.facts());
  }

  private showPlaying(): void {
    this.bar.showRate(this.player.rate);
    // Buttons are made anew: not under the finger of somebody who steps.
    if (this.player.isPlaying !== this.wasPlaying) this.commands.changed();
    this.wasPlaying = this.player.isPlaying;
    this.showPicture();
  }

  /** What the AI says of the picture on the screen. */
  private verdict(pts: number | null): readonly [ShownAiState, string] {
    const { words, review } = this;
    if (pts === null) return ["warming", words.reading];
    if (this.painter.hasMask) return ["active", ""];
    const stretch = stretchAt(this.timeline, pts);
    if (stretch?.state === "not_looked") return ["paused", words.cause(stretch.cause)];
    if (review?.state === "failed") return ["failed", review.reason];
    const isComputed = pts < this.timeline.computedToPts;
    return isComputed ? ["paused", words.noMask] : ["warming", words.notYet];
  }

  /** For tests and support, as the live viewer's figures. */
  private facts(): Record<string, string> {
    const { painter, player, review, settings } = this;
    return {
      review: review?.state ?? "",
      aiState: this.element.dataset["ai"] ?? "",
      picturePts: painter.pts === null ? "" : String(painter.pts),
      pictureMasked: String(painter.hasMask),
      framesDrawn: String(painter.framesDrawn),
      masksDrawn: String(painter.masksDrawn),
      playing: String(player.isPlaying),
      seeking: String(player.isSeeking),
      filmTo: String(this.library.toPts),
      overlay: settings.hidden ? "off" : settings.look.style,
      layout: settings.layout,
    };
  }

  private change(settings: ViewSettings): void {
    this.settings = settings;
    saveSettings(localStorage, settings);
    this.painter.configure(settings);
    this.viewDialog.show(settings);
    this.showPicture();
  }

  private complain(error: unknown): void {
    if (error instanceof ApiError && error.status === 401) {
      this.context.onUnauthorized();
      return;
    }
    const isGone = error instanceof ApiError && error.status === 404 && this.review === null;
    if (isGone) setText(this.message, this.words.gone);
    this.bar.complain(error === null ? "" : this.troubleText(error));
  }

  private troubleText(error: unknown): string {
    const text = describeError(error);
    if (error instanceof UnreachableError) return this.words.away(strings.serverSilent);
    return error instanceof DOMException ? this.words.undecodable(text) : text;
  }

  /** A dialog and full screen are left first; they close by Escape themselves. */
  private escape(): void {
    if (document.querySelector("dialog[open]") === null && !document.fullscreenElement) location.hash = "#/";
  }

  private toggleFullScreen(): void {
    const done = document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen();
    done.catch((error: unknown) => console.warn(describeError(error)));
  }
}
