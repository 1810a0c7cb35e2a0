/** One finding: its still with the outline, when, how long, how large, and what somebody thinks of it. */
import { h, setText } from "../dom";
import { findingWords } from "../i18n/findings";
import { reviewWords } from "../i18n/review";
import type { FilmPlaces } from "../panelHost";
import { currentLanguage, inLanguage } from "../strings";
import type { Finding, FindingStatus, FindingStill } from "./finding";

const MAX_NOTE_CHARACTERS = "500";
const SVG = "http://www.w3.org/2000/svg";

export interface FindingCardActions {
  /** Keep a review; a failure is told to people by the one who shows the card. */
  readonly review: (change: { status?: FindingStatus; note?: string }) => void;
  readonly loadStill: () => Promise<Blob>;
  /** Save the finding as it is shown, with its clean picture, to files. */
  readonly save: (finding: Finding, picture: Blob) => void;
}

export class FindingCard {
  readonly element: HTMLElement;
  revision = -1;
  private readonly words = inLanguage(findingWords);
  private readonly image = h("img", { alt: "" });
  private readonly outline = document.createElementNS(SVG, "svg");
  private readonly picture = h("div", { class: "finding-picture" });
  private readonly time = h("strong", {});
  private readonly facts = h("span", {});
  private readonly status = h("span", { class: "finding-status" });
  private readonly accept: HTMLButtonElement;
  private readonly reject: HTMLButtonElement;
  private readonly note = h("input", { type: "text", maxlength: MAX_NOTE_CHARACTERS, autocomplete: "off" });
  private current: FindingStatus = "open";
  private savedNote = "";
  private stillPts: number | null = null;
  private url = "";
  private shown: Finding | null = null;
  private blob: Blob | null = null;
  private readonly save: HTMLButtonElement;

  constructor(
    finding: Finding,
    film: FilmPlaces | undefined,
    private readonly actions: FindingCardActions,
  ) {
    const { words } = this;
    this.accept = this.choice(words.accept, "accepted");
    this.reject = this.choice(words.reject, "rejected");
    this.save = h("button", { type: "button", title: words.saveTitle, disabled: true }, words.save);
    this.save.addEventListener("click", () => {
      if (this.shown !== null && this.blob !== null) this.actions.save(this.shown, this.blob);
    });
    this.outline.setAttribute("aria-hidden", "true");
    this.picture.append(h("span", { class: "quiet" }, words.noStill));
    const when = film?.timeText(finding.firstSeenPts) ?? finding.firstSeenAt.toLocaleTimeString(currentLanguage());
    setText(this.time, when);
    this.note.placeholder = words.note;
    this.note.setAttribute("aria-label", words.noteOf(when));
    this.note.addEventListener("change", () => this.keepNote());
    const choices = h("div", { class: "finding-choices" }, this.accept, this.reject, this.save);
    if (film !== undefined) choices.prepend(goButton(film, finding.firstSeenPts));
    this.element = h(
      "li",
      { class: "finding", "data-finding": finding.id, "aria-label": words.findingOf(when) },
      this.picture,
      h(
        "div",
        { class: "finding-side" },
        h("p", {}, this.time, this.status),
        h("p", { class: "quiet" }, this.facts),
        choices,
        this.note,
      ),
    );
  }

  show(finding: Finding): void {
    const { words } = this;
    this.revision = finding.revision;
    this.shown = finding;
    this.current = finding.status;
    this.savedNote = finding.note;
    this.element.dataset["status"] = finding.status;
    this.accept.setAttribute("aria-pressed", String(finding.status === "accepted"));
    this.reject.setAttribute("aria-pressed", String(finding.status === "rejected"));
    setText(this.status, finding.isInSight ? words.inSight : words.statuses[finding.status]);
    setText(this.facts, [seenText(finding), words.size((100 * finding.largestShare).toFixed(1))].join(" · "));
    // What somebody types is not overwritten by what another one saved.
    if (document.activeElement !== this.note) this.note.value = finding.note;
    if (finding.still !== null && finding.still.pts !== this.stillPts) void this.load(finding.still);
  }

  dispose(): void {
    this.element.remove();
    if (this.url !== "") URL.revokeObjectURL(this.url);
  }

  private choice(text: string, status: FindingStatus): HTMLButtonElement {
    const button = h("button", { type: "button", "aria-pressed": "false", class: status }, text);
    // Pressed again, the choice is taken back.
    button.addEventListener("click", () =>
      this.actions.review({ status: this.current === status ? "open" : status }),
    );
    return button;
  }

  private keepNote(): void {
    const note = this.note.value.trim();
    if (note !== this.savedNote) this.actions.review({ note });
  }

  private async load(still: FindingStill): Promise<void> {
    this.stillPts = still.pts;
    try {
      const picture = await this.actions.loadStill();
      if (this.stillPts !== still.pts) return;
      if (this.url !== "") URL.revokeObjectURL(this.url);
      this.blob = picture;
      this.save.disabled = false;
      this.url = URL.createObjectURL(picture);
      this.image.src = this.url;
      this.draw(still);
    } catch {
      // It was replaced or removed meanwhile: the next list of findings tells which.
      this.stillPts = null;
    }
  }

  private draw(still: FindingStill): void {
    this.picture.style.aspectRatio = `${still.width} / ${still.height}`;
    this.outline.setAttribute("viewBox", `0 0 ${still.width} ${still.height}`);
    this.outline.replaceChildren(
      linePath(still.others, "other"),
      linePath(still.outline, "halo"),
      linePath(still.outline, "line"),
    );
    this.picture.replaceChildren(this.image, this.outline);
  }
}

function goButton(film: FilmPlaces, pts: number): HTMLButtonElement {
  const button = h("button", { type: "button" }, inLanguage(reviewWords).showFinding);
  button.addEventListener("click", () => film.goTo(pts));
  return button;
}

function linePath(outline: string, name: string): SVGPathElement {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", outline);
  path.setAttribute("class", name);
  return path;
}

function seenText(finding: Finding): string {
  return inLanguage(findingWords).seen((finding.seenMs / 1000).toFixed(1));
}
