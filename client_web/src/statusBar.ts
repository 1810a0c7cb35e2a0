/** The slim bar under the picture. */
import { MASK_AGE_LIMIT_MS, type ShownAiState } from "./aiWatch";
import { h, setText } from "./dom";
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
  readonly help: () => void;
}

export class StatusBar {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "name" });
  private readonly aiChip = new AiChip();
  private readonly sourceChip = new SourceChip();
  private readonly delay = h("span", { class: "figure", title: strings.delayTitle });
  private readonly latency = h("span", { class: "figure", title: strings.latencyTitle });
  private readonly style: HTMLButtonElement;
  private readonly mode: HTMLButtonElement;

  constructor(method: FrameMethod, actions: StatusActions) {
    this.style = button("", actions.cycleStyle);
    this.mode = button("", actions.toggleMode);
    const nearExact = h("span", { class: "figure warn", title: strings.nearExactTitle }, strings.nearExact);
    nearExact.hidden = method === "exact";
    this.element = h(
      "footer",
      { class: "status" },
      button(`‹ ${strings.backToList}`, actions.back),
      this.name,
      this.aiChip.element,
      this.sourceChip.element,
      h("span", { class: "spring" }),
      nearExact,
      this.delay,
      this.latency,
      this.style,
      this.mode,
      button(strings.newPatient, actions.newPatient),
      button(strings.fullScreen, actions.fullScreen),
      button("?", actions.help),
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
    this.sourceChip.show(stats.sourceState, stats.sourceReason);
  }

  showFigures(stats: OverlayStats | null): void {
    setText(this.delay, strings.videoDelay(stats?.videoDelayMs ?? null));
    setText(this.latency, strings.maskLatency(stats?.maskLatencyMs ?? null, MASK_AGE_LIMIT_MS));
  }

  showSettings(settings: ViewSettings): void {
    setText(this.style, `${strings.overlay}: ${strings.style(settings.hidden ? "off" : settings.style)}`);
    setText(this.mode, `${strings.modeLabel}: ${strings.mode(settings.mode)}`);
  }
}

function button(text: string, action: () => void): HTMLButtonElement {
  const element = h("button", { type: "button", class: "quiet" }, text);
  element.addEventListener("click", () => {
    action();
    // The space bar hides the overlay; it must not press the button that was clicked last.
    element.blur();
  });
  return element;
}
