/** Chooses the part of the picture that the AI gets: found, whole, or a rectangle, typed or drawn. */
import type { Region, RegionRequest } from "./api";
import { h } from "./dom";
import { describeError } from "./errors";
import { rectangleBetween, type Extent, type Point, type Rectangle } from "./pictureGeometry";
import { strings } from "./strings";

export interface RegionActions {
  /** Size of the picture on the screen, in its own pixels; null while there is none. */
  readonly pictureSize: () => Extent | null;
  readonly load: () => Promise<Region>;
  readonly save: (wanted: RegionRequest) => Promise<Region>;
  /** Called before the sheet is laid over the picture. */
  readonly startDrawing: () => void;
}

const MODES = ["auto", "full", "rectangle"] as const;
const EDGES = ["x", "y", "width", "height"] as const;

export class RegionDialog {
  readonly element: HTMLDialogElement;
  /** Lies over the picture while a rectangle is drawn. */
  readonly sheet = h("div", { class: "region-sheet", hidden: true });
  private readonly box = h("div", { class: "region-box" });
  private readonly modes = { auto: modeInput("auto"), full: modeInput("full"), rectangle: modeInput("rectangle") };
  private readonly numbers = {
    x: numberInput("x"),
    y: numberInput("y"),
    width: numberInput("width"),
    height: numberInput("height"),
  };
  private readonly draw = h("button", { type: "button" }, strings.regionDraw);
  private readonly error = h("p", { class: "error", role: "alert" });
  private from: Point | null = null;

  constructor(private readonly actions: RegionActions) {
    const close = h("button", { type: "button" }, strings.close);
    const form = h(
      "form",
      {},
      h("h2", {}, strings.region),
      ...MODES.map((mode) => h("label", { class: "check" }, this.modes[mode], strings.regionModes[mode])),
      h("div", { class: "region-numbers" }, ...EDGES.map((edge) => labelled(edge, this.numbers[edge])), this.draw),
      this.error,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, strings.apply), close),
    );
    this.element = h("dialog", { class: "card help", "aria-label": strings.region }, form);
    this.sheet.append(this.box, h("p", {}, strings.regionDrawHint));
    form.addEventListener("change", () => this.adapt());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.apply();
    });
    close.addEventListener("click", () => this.element.close());
    this.draw.addEventListener("click", () => this.startDrawing());
    this.sheet.addEventListener("pointerdown", (event) => this.begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.follow(event));
    this.sheet.addEventListener("pointerup", (event) => this.finish(event));
    this.sheet.addEventListener("pointercancel", () => this.stopDrawing());
  }

  get isBusy(): boolean {
    return this.element.open || !this.sheet.hidden;
  }

  open(): void {
    this.error.textContent = "";
    this.element.showModal();
    this.actions
      .load()
      .then((region) => this.show(region))
      .catch((error: unknown) => (this.error.textContent = describeError(error)));
  }

  /** Give up drawing, with the dialog as it was. */
  stopDrawing(): void {
    if (this.sheet.hidden) return;
    this.from = null;
    this.sheet.hidden = true;
    this.element.showModal();
  }

  private show(region: Region): void {
    this.modes[region.mode].checked = true;
    if (region.rectangle !== null) this.fill(region.rectangle);
    this.adapt();
  }

  private fill(rectangle: Rectangle): void {
    EDGES.forEach((edge, index) => (this.numbers[edge].value = String(rectangle[index])));
  }

  private adapt(): void {
    const isRectangle = this.modes.rectangle.checked;
    for (const edge of EDGES) this.numbers[edge].disabled = !isRectangle;
    this.draw.disabled = !isRectangle || this.actions.pictureSize() === null;
  }

  private wanted(): RegionRequest {
    const mode = MODES.find((one) => this.modes[one].checked) ?? "auto";
    if (mode !== "rectangle") return mode;
    const { x, y, width, height } = this.numbers;
    return [x.valueAsNumber, y.valueAsNumber, width.valueAsNumber, height.valueAsNumber];
  }

  private async apply(): Promise<void> {
    this.error.textContent = "";
    try {
      this.show(await this.actions.save(this.wanted()));
      this.element.close();
    } catch (error) {
      this.error.textContent = describeError(error);
    }
  }

  private startDrawing(): void {
    this.actions.startDrawing();
    this.element.close();
    this.box.hidden = true;
    this.sheet.hidden = false;
  }

  private begin(event: PointerEvent): void {
    this.from = { x: event.offsetX, y: event.offsetY };
    this.sheet.setPointerCapture(event.pointerId);
  }

  private follow(event: PointerEvent): void {
    if (this.from === null) return;
    const [x, y] = [event.offsetX, event.offsetY];
    this.box.hidden = false;
    this.box.style.left = `${Math.min(x, this.from.x)}px`;
    this.box.style.top = `${Math.min(y, this.from.y)}px`;
    this.box.style.width = `${Math.abs(x - this.from.x)}px`;
    this.box.style.height = `${Math.abs(y - this.from.y)}px`;
  }

  private finish(event: PointerEvent): void {
    const picture = this.actions.pictureSize();
    if (this.from !== null && picture !== null) {
      const element = { width: this.sheet.clientWidth, height: this.sheet.clientHeight };
      this.fill(rectangleBetween(this.from, { x: event.offsetX, y: event.offsetY }, element, picture));
    }
    this.stopDrawing();
  }
}

function modeInput(mode: string): HTMLInputElement {
  return h("input", { type: "radio", name: "mode", value: mode });
}

function numberInput(edge: string): HTMLInputElement {
  return h("input", { type: "number", name: edge, min: "0", max: "99999", step: "1", required: true });
}

function labelled(edge: (typeof EDGES)[number], input: HTMLInputElement): HTMLLabelElement {
  return h("label", {}, h("span", {}, strings.regionEdges[edge]), input);
}
