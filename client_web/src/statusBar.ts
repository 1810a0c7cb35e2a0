/** The slim bar under the picture. */
import { MASK_AGE_LIMIT_MS, type ShownAiState } from "./aiWatch";
import { h, setText, symbol } from "./dom";
import type { FrameMethod } from "./overlayHost";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import { AiChip, SourceChip } from "./stateChip";
import { strings } from "./strings";

export interface StatusActions {
  readonly back: () => void;
  readonly cycleStyle: () => void;
  readonly toggleMode: () => void;
  readonly fullScreen: () => void;
  readonly newPatient: () => void;
  readonly region: () => void;
  readonly help: () => void;
}

export class StatusBar {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "name" });
  private readonly aiChip = new AiChip();
  private readonly sourceChip = new SourceChip();
  private readonly delay = h("span", { class: "figure", title: strings.delayTitle });
  private readonly latency = h("span", { class: "figure", title: strings.latencyTitle });
  private readonly coverage = h("span", { class: "figure warn", title: strings.coverageTitle });
  private readonly style: HTMLButtonElement;
  private readonly mode: HTMLButtonElement;

  constructor(method: FrameMethod, actions: StatusActions) {
    this.style = button("", actions.cycleStyle, strings.overlay);
    this.mode = button("", actions.toggleMode, strings.modeLabel);
    const nearExact = h("span", { class: "figure warn", title: strings.nearExactTitle }, strings.nearExact);
    nearExact.hidden = method === "exact";
    this.element = h(
      "footer",
      { class: "status" },
      button("‹", actions.back, strings.backToList),
      this.name,
      this.aiChip.element,
      this.sourceChip.element,
      h("span", { class: "spring" }),
      nearExact,
      this.coverage,
      this.delay,
      this.latency,
      this.style,
      this.mode,
      button(strings.region, actions.region, strings.regionTitle),
      button(strings.newPatient, actions.newPatient),
      symbolButton(CORNERS, strings.fullScreen, actions.fullScreen),
      button("?", actions.help, strings.help),
      h("span", { class: "not-medical" }, strings.notMedical),
    );
    this.showFigures(null);
  }

  setName(name: string): void {
    setText(this.name, name);
  }

  showAi(state: ShownAiState, reason: string): void {
    this.aiChip.show(state, reason);
  }

  showSource(stats: OverlayStats): void {
    // What was heard last is no news of the source once the server is silent.
    this.sourceChip.element.hidden = stats.aiState === "lost";
    this.sourceChip.show(stats.sourceState, stats.sourceReason);
  }

  showFigures(stats: OverlayStats | null): void {
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

  showSettings(settings: ViewSettings): void {
    setText(this.style, strings.style(settings.hidden ? "off" : settings.style));
    setText(this.mode, strings.mode(settings.mode));
  }
}

const LOW_COVERAGE = 0.8;
const CORNERS = "M1 1h5v2H3v3H1zM10 1h5v5h-2V3h-3zM1 10h2v3h3v2H1zM13 10h2v5h-5v-2h3z";

function button(text: string, action: () => void, title = ""): HTMLButtonElement {
  const element = h("button", { type: "button", class: "quiet", title }, text);
  element.addEventListener("click", () => {
    action();
    // The space bar hides the overlay; it must not press the button that was clicked last.
    element.blur();
  });
  return element;
}

function symbolButton(path: string, title: string, action: () => void): HTMLButtonElement {
  const element = button("", action, title);
  element.setAttribute("aria-label", title);
  element.append(symbol(path));
  return element;
}
