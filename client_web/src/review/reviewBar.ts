/** Below the picture of a review: timeline, transport, and what is known of the picture shown. */
import type { ShownAiState } from "../aiWatch";
import { CommandButtons } from "../commandButtons";
import type { Commands } from "../commands";
import { h, setText } from "../dom";
import { reviewWords } from "../i18n/review";
import { AiChip } from "../stateChip";
import { inLanguage, strings } from "../strings";
import { showTime } from "./filmTime";
import type { Review } from "./reviewApi";
import { TRANSPORT } from "./reviewCommands";
import type { TimelineView } from "./timelineView";

export class ReviewBar {
  readonly element: HTMLElement;
  private readonly words = inLanguage(reviewWords);
  private readonly chip = new AiChip();
  private readonly name = h("span", { class: "name" });
  private readonly progress = h("span", { class: "figure" });
  private readonly time = h("span", { class: "figure film-time" });
  private readonly rate = h("span", { class: "figure film-rate" });
  private readonly trouble = h("span", { class: "figure warn", role: "alert" });

  constructor(commands: Commands, timeline: TimelineView) {
    const { words } = this;
    const isTransport = ({ id }: { id: string }): boolean => TRANSPORT.includes(id);
    this.element = h(
      "footer",
      { class: "review-bar" },
      h(
        "div",
        { class: "transport" },
        new CommandButtons(commands, isTransport).element,
        this.rate,
        this.time,
        timeline.element,
      ),
      h(
        "div",
        { class: "status" },
        this.chip.element,
        h("strong", { class: "review-mark", title: words.markTitle }, words.mark),
        h("div", { class: "bar-pair" }, this.name, this.progress),
        h("div", { class: "bar-pair warn" }, this.trouble),
        h("span", { class: "spring" }),
        h("strong", { class: "not-medical" }, strings.notMedical),
        new CommandButtons(commands, (command) => !isTransport(command)).element,
      ),
    );
    this.showPicture("warming", words.reading);
    this.showRate(1);
  }

  showReview(review: Review): void {
    setText(this.name, review.label);
    const percent = review.toPts === 0 ? 0 : Math.min(100, Math.floor((100 * review.computedToPts) / review.toPts));
    setText(this.progress, progressText(review, percent));
  }

  /** What is known of the picture on the screen. */
  showPicture(state: ShownAiState, reason: string): void {
    this.chip.show(state, reason);
  }

  showTime(pts: number, toPts: number): void {
    setText(this.time, `${showTime(pts)} / ${showTime(toPts)}`);
  }

  showRate(rate: number): void {
    setText(this.rate, this.words.rate(rate));
  }

  complain(text: string): void {
    setText(this.trouble, text);
  }
}

function progressText({ state, reason }: Review, percent: number): string {
  const words = inLanguage(reviewWords);
  switch (state) {
    case "reading":
      return words.reading;
    case "waiting":
      return words.waiting(reason, percent);
    case "computing":
      return words.computing(percent);
    case "done":
      return words.computed;
    case "failed":
      return words.failed(reason);
  }
}
