/** The film as a line: where outlines are, what was not looked at, findings, and where one is. A click goes there. */
import { h } from "../dom";
import { reviewWords } from "../i18n/review";
import { inLanguage } from "../strings";
import { showTime } from "./filmTime";
import type { Timeline } from "./reviewApi";
import { planTimeline, type TimelineBar } from "./timelinePlan";

const HEIGHT = 44;
const MIDDLE = 28;
/** Half heights: what a bar means is told by its height and pattern as well as by its colour. */
const HALF: Record<TimelineBar["state"], number> = { polyp: 11, clear: 3, not_looked: 6 };
const COLORS: Record<TimelineBar["state"], string> = { polyp: "#00d0aa", clear: "#7d8993", not_looked: "#7d8993" };
const FINDING = "#fff14d";
const OPEN = "#59636b";

export class TimelineView {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly head = h("div", { class: "playhead" });
  private readonly slider: HTMLElement;
  private readonly size: ResizeObserver;
  private timeline: Timeline = { stretches: [], findings: [], computedToPts: 0 };
  private toPts = 0;
  private pts = 0;
  private isHeld = false;
  private due = 0;

  constructor(private readonly onSeek: (pts: number) => void) {
    const words = inLanguage(reviewWords);
    const attributes = { class: "timeline", role: "slider", tabindex: "0", "aria-label": words.timeline, "aria-valuemin": "0" };
    this.slider = h("div", attributes, this.canvas, this.head);
    const { legend } = words;
    const key = (name: string, text: string): HTMLElement => h("span", { class: `key ${name}` }, text);
    this.element = h(
      "div",
      { class: "timeline-row" },
      this.slider,
      h(
        "p",
        { class: "legend" },
        key("polyp", legend.polyp),
        key("clear", legend.clear),
        key("not-looked", legend.notLooked),
        key("open", legend.open),
        key("mark", legend.finding),
      ),
    );
    this.slider.addEventListener("pointerdown", (event) => this.grasp(event));
    this.slider.addEventListener("pointermove", (event) => (this.isHeld ? this.go(event) : undefined));
    for (const end of ["pointerup", "pointercancel"]) this.slider.addEventListener(end, () => (this.isHeld = false));
    this.size = new ResizeObserver(() => this.draw());
    this.size.observe(this.slider);
    this.tell();
  }

  dispose(): void {
    this.size.disconnect();
    cancelAnimationFrame(this.due);
  }

  setFilm(toPts: number): void {
    if (toPts === this.toPts) return;
    this.toPts = toPts;
    this.tell();
    this.draw();
  }

  setTimeline(timeline: Timeline): void {
    this.timeline = timeline;
    this.draw();
  }

  setPosition(pts: number): void {
    if (pts === this.pts) return;
    this.pts = pts;
    this.tell();
  }

  private tell(): void {
    const { pts, toPts, slider } = this;
    this.head.style.left = `${toPts > 0 ? (100 * Math.min(pts, toPts)) / toPts : 0}%`;
    slider.setAttribute("aria-valuemax", String(toPts));
    slider.setAttribute("aria-valuenow", String(Math.min(pts, toPts)));
    slider.setAttribute("aria-valuetext", inLanguage(reviewWords).position(showTime(pts), showTime(toPts)));
  }

  private grasp(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.slider.setPointerCapture(event.pointerId);
    this.isHeld = true;
    this.go(event);
  }

  private go(event: PointerEvent): void {
    const { left, width } = this.slider.getBoundingClientRect();
    if (this.toPts === 0 || width === 0) return;
    this.onSeek(Math.min(1, Math.max(0, (event.clientX - left) / width)) * (this.toPts - 1));
  }

  /** Once for all that changed since the screen's last picture. */
  private draw(): void {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    const scale = window.devicePixelRatio;
    const width = this.slider.clientWidth;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(HEIGHT * scale);
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    context.scale(scale, scale);
    const { bars, marks, computed } = planTimeline(this.timeline, this.toPts);
    for (const bar of bars) paintBar(context, bar, width);
    context.fillStyle = OPEN;
    for (let x = Math.ceil(computed * width) + 2; x < width; x += 8) context.fillRect(x, MIDDLE - 1, 2, 2);
    for (const mark of marks) paintMark(context, mark * width);
  }
}

function paintBar(context: CanvasRenderingContext2D, { left, width, state }: TimelineBar, whole: number): void {
  const half = HALF[state];
  const x = left * whole;
  // What lasts a moment is still seen.
  const length = Math.max(state === "polyp" ? 2 : 0, width * whole);
  context.fillStyle = COLORS[state];
  if (state !== "not_looked") {
    context.fillRect(x, MIDDLE - half, length, 2 * half);
    return;
  }
  context.save();
  context.beginPath();
  context.rect(x, MIDDLE - half, length, 2 * half);
  context.clip();
  context.strokeStyle = COLORS[state];
  context.lineWidth = 1.5;
  context.beginPath();
  for (let at = x - 2 * half - ((x % 6) + 6); at < x + length; at += 6) {
    context.moveTo(at, MIDDLE + half);
    context.lineTo(at + 2 * half, MIDDLE - half);
  }
  context.stroke();
  context.restore();
}

function paintMark(context: CanvasRenderingContext2D, x: number): void {
  context.fillStyle = FINDING;
  context.beginPath();
  context.moveTo(x - 6, 3);
  context.lineTo(x + 6, 3);
  context.lineTo(x, 14);
  context.fill();
}
