/** The bar under the picture: states large enough for two metres, figures, buttons large enough for gloves. */
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import { CommandButtons } from "./commandButtons";
import type { Commands } from "./commands";
import { h, setText } from "./dom";
import type { OverlayStats } from "./overlayProtocol";
import type { ViewReport } from "./sessionView";
import { AiChip, SourceChip } from "./stateChip";
import { strings } from "./strings";

/** Below this share of pictures with masks the bar says so. */
const LOW_COVERAGE = 0.8;
const NEWS_MS = 4000;

export class StatusBar {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "name" });
  private readonly aiChip = new AiChip();
  private readonly sourceChip = new SourceChip();
  private readonly delay = h("span", { class: "figure", title: strings.delayTitle });
  private readonly latency = h("span", { class: "figure", title: strings.latencyTitle });
  private readonly coverage = h("span", { class: "figure warn", title: strings.coverageTitle });
  private readonly trouble = h("span", { class: "figure warn", role: "alert" });
  private readonly news = h("span", { class: "figure", role: "status" });
  private newsTimer = 0;
  private readonly method = h("span", { class: "figure warn", title: strings.burnedTitle });

  constructor(commands: Commands) {
    this.element = h(
      "footer",
      { class: "status" },
      this.aiChip.element,
      h("div", { class: "bar-pair" }, this.name, this.sourceChip.element),
      h("div", { class: "bar-pair" }, this.delay, this.latency),
      h("div", { class: "bar-pair warn" }, this.method, this.coverage, this.trouble, this.news),
      h("span", { class: "spring" }),
      h("strong", { class: "not-medical" }, strings.notMedical),
      new CommandButtons(commands).element,
    );
    this.aiChip.show("lost", "");
    this.showFigures(null);
  }

  setName(name: string): void {
    setText(this.name, name);
  }

  show({ aiState, aiReason, stats, method }: ViewReport): void {
    this.aiChip.show(aiState, aiReason);
    if (stats !== null) {
      // What was heard last is no news of the source once the server is silent.
      this.sourceChip.element.hidden = stats.aiState === "lost";
      this.sourceChip.show(stats.sourceState, strings.sourceReason(stats.sourceReason, stats.sourceRetry));
    }
    // Masks that are not drawn here cannot be counted or timed here.
    const isDrawnHere = method === "exact" || method === "checked";
    setText(this.method, isDrawnHere ? "" : strings.methods[method]);
    this.latency.hidden = !isDrawnHere;
    this.showFigures(stats);
    if (!isDrawnHere) this.coverage.hidden = true;
  }

  /** Say what a command could not do; the next report of another trouble takes its place. */
  complain(text: string): void {
    setText(this.trouble, text);
  }

  /** Say what a command did, for a while. */
  tell(text: string): void {
    setText(this.news, text);
    clearTimeout(this.newsTimer);
    this.newsTimer = setTimeout(() => setText(this.news, ""), NEWS_MS);
  }

  private showFigures(stats: OverlayStats | null): void {
    setText(this.delay, strings.videoDelay(stats?.videoDelayMs ?? null));
    setText(this.latency, strings.maskLatency(stats?.maskLatencyMs ?? null, MASK_AGE_LIMIT_MS));
    this.showCoverage(stats);
  }

  /** Only said when it matters: in exact mode, pictures without a mask make the outline flicker. */
  private showCoverage(stats: OverlayStats | null): void {
    const isLow =
      stats !== null &&
      stats.aiState === "active" &&
      stats.mode === "exact" &&
      stats.masksPerSecond < LOW_COVERAGE * stats.framesPerSecond;
    this.coverage.hidden = !isLow;
    if (isLow) setText(this.coverage, strings.coverage(stats.masksPerSecond, stats.framesPerSecond));
  }
}
