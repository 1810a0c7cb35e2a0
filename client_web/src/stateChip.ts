/** A state as text, colour and shape at once: no one sign carries it alone. */
import type { ShownAiState } from "./aiWatch";
import { h, setText, symbol } from "./dom";
import type { SourceState } from "./messages";
import { strings } from "./strings";

const disc = "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z";
const ring = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8z";
const triangle = "M8 1 15.5 14.5H.5z";
const bars = "M3 2h4v12H3zM9 2h4v12H9z";
const cross = "M3 1 8 6l5-5 2 2-5 5 5 5-2 2-5-5-5 5-2-2 5-5-5-5z";
const square = "M2 2h12v12H2z";
const play = "M3 1.5 14 8 3 14.5z";

const aiShapes: Record<ShownAiState, string> = {
  active: disc,
  warming: ring,
  late: triangle,
  paused: bars,
  failed: cross,
  lost: square,
};

const sourceShapes: Record<SourceState, string> = {
  connecting: ring,
  playing: play,
  stalled: bars,
  reconnecting: triangle,
  ended: square,
  failed: cross,
};

/** One chip; `show` changes it in place. The colour comes from the style sheet by data-state. */
class StateChip {
  readonly element: HTMLElement;
  private readonly label = h("span", { class: "chip-label" });
  private readonly reason = h("span", { class: "chip-reason" });
  private state = "";

  constructor(kind: string) {
    this.element = h("span", { class: `chip ${kind}`, role: "status" }, this.label, this.reason);
  }

  protected update(state: string, shape: string, label: string, reason: string): void {
    if (state !== this.state) {
      this.state = state;
      this.element.dataset["state"] = state;
      this.element.querySelector("svg")?.remove();
      this.element.prepend(symbol(shape));
    }
    setText(this.label, label);
    setText(this.reason, reason);
    this.element.title = reason;
  }
}

export class AiChip extends StateChip {
  constructor() {
    super("ai");
  }

  show(state: ShownAiState, reason: string): void {
    this.update(state, aiShapes[state], strings.aiState(state), strings.aiReason(state, reason));
  }
}

export class SourceChip extends StateChip {
  constructor() {
    super("source");
  }

  show(state: SourceState, reason: string): void {
    this.update(state, sourceShapes[state], strings.sourceState(state), reason);
  }
}
