/** The strip of the session's findings, below the picture. */
import { h, setText } from "../dom";
import { describeError } from "../errors";
import { findingWords } from "../i18n/findings";
import type { OpenPanel, Panel, PanelContext } from "../panelHost";
import { inLanguage } from "../strings";
import { parseFinding, parseFindings, type Finding, type FindingStatus } from "./finding";
import { FindingCard } from "./findingCard";
import { saveFinding } from "./findingFile";
import { Polling } from "./polling";

/** The mask socket tells of news at once; this is for what it could not tell. */
const INTERVAL_MS = 5000;

export function createFindingsPanel(): Panel {
  const words = inLanguage(findingWords);
  return {
    id: "findings",
    place: "below",
    title: words.title,
    label: words.label,
    key: "s",
    open: (context) => new FindingsView(context),
  };
}

class FindingsView implements OpenPanel {
  readonly element: HTMLElement;
  private readonly words = inLanguage(findingWords);
  private readonly count = h("span", {});
  private readonly note = h("p", { class: "error", role: "alert" });
  private readonly list = h("ul", { class: "finding-list" });
  private readonly cards = new Map<string, FindingCard>();
  private readonly polling: Polling<Finding[]>;
  private readonly forgetNews: () => void;
  private newsHeard: number | null = null;

  constructor(private readonly context: PanelContext) {
    const { words } = this;
    this.element = h(
      "div",
      { class: "findings" },
      h("p", { class: "quiet" }, this.count, " ", this.context.film?.kept ?? words.kept),
      this.note,
      this.list,
    );
    this.polling = new Polling({
      ask: async () => parseFindings(await context.api.getJson(this.path)),
      onAnswer: (findings) => this.show(findings),
      onError: (error) => setText(this.note, words.stale(describeError(error))),
      intervalMs: INTERVAL_MS,
    });
    this.polling.start();
    this.forgetNews = context.onStats(({ findingNews }) => this.hear(findingNews));
  }

  dispose(): void {
    this.forgetNews();
    this.polling.end();
    for (const card of this.cards.values()) card.dispose();
  }

  private get path(): string {
    return `${this.context.path}/findings`;
  }

  private hear(news: number): void {
    if (this.newsHeard !== null && news !== this.newsHeard) this.polling.askNow();
    this.newsHeard = news;
  }

  private show(findings: readonly Finding[]): void {
    setText(this.note, "");
    setText(this.count, findings.length === 0 ? this.words.none : `${this.words.count(findings.length)}.`);
    const ids = new Set(findings.map((finding) => finding.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      card.dispose();
      this.cards.delete(id);
    }
    // New ones go to the end, so that no card moves; who looks at the end goes on looking there.
    const isAtEnd = this.list.scrollLeft + this.list.clientWidth >= this.list.scrollWidth - 4;
    for (const finding of findings) this.update(finding);
    if (isAtEnd) this.list.scrollLeft = this.list.scrollWidth;
  }

  private update(finding: Finding): void {
    let card = this.cards.get(finding.id);
    if (card === undefined) {
      card = new FindingCard(finding, this.context.film, {
        review: (change) => void this.review(finding.id, change),
        save: (shown, picture) => void this.save(shown, picture),
        loadStill: () => this.context.api.getBlob(`${this.path}/${encodeURIComponent(finding.id)}/still`),
      });
      this.cards.set(finding.id, card);
      this.list.append(card.element);
    }
    if (finding.revision > card.revision) card.show(finding);
  }

  private async save(finding: Finding, picture: Blob): Promise<void> {
    try {
      await saveFinding(finding, this.context.sessionId, picture);
    } catch (error) {
      setText(this.note, this.words.notSaved(describeError(error)));
    }
  }

  private async review(id: string, change: { status?: FindingStatus; note?: string }): Promise<void> {
    try {
      const answer = await this.context.api.patchJson(`${this.path}/${encodeURIComponent(id)}`, change);
      setText(this.note, "");
      this.update(parseFinding(answer));
    } catch (error) {
      setText(this.note, this.words.notSaved(describeError(error)));
    }
  }
}
