/** A small live line plot (uPlot, loaded when a page wants one). The table beside it says the same in words. */
import type uPlot from "uplot";
import { h } from "../dom";
import type { HealthPoint } from "./healthHistory";

/** One line of a plot. */
export interface PlotLine {
  readonly label: string;
  readonly color: string;
  readonly value: (point: HealthPoint) => number | null;
}

export interface PlotPlan {
  readonly title: string;
  readonly lines: readonly PlotLine[];
}

const HEIGHT_PX = 180;
const INK = "#8b969f";
const GRID = { stroke: "#262c32", width: 1 };
const WINDOW_S = 600;

export class LivePlot {
  readonly element: HTMLElement;
  private plot: uPlot | null = null;
  private readonly size = new ResizeObserver(() => this.fit());

  constructor(
    private readonly plan: PlotPlan,
    Plot: typeof uPlot,
  ) {
    this.element = h("div", { class: "plot", "aria-hidden": "true" });
    const axis = { stroke: INK, grid: GRID, ticks: GRID, font: "12px system-ui", labelFont: "12px system-ui" };
    this.plot = new Plot(
      {
        title: plan.title,
        width: 400,
        height: HEIGHT_PX,
        cursor: { sync: { key: "health" }, drag: { x: false, y: false } },
        scales: {
          x: { range: (_, low, high) => [Math.min(low, high - WINDOW_S), high] },
          y: { range: (_, __, high: number | null) => [0, Math.max(1, 1.15 * (high ?? 0))] },
        },
        legend: { live: false },
        axes: [{ ...axis, values: (_, times: readonly number[]) => times.map(clockText) }, { ...axis, size: 56 }],
        series: [
          {},
          ...plan.lines.map((line) => ({ label: line.label, stroke: line.color, width: 2, points: { show: false } })),
        ],
      },
      [[], ...plan.lines.map(() => [])],
      this.element,
    );
    this.size.observe(this.element);
  }

  show(points: readonly HealthPoint[]): void {
    const times = points.map((point) => point.at);
    this.plot?.setData([times, ...this.plan.lines.map((line) => points.map(line.value))]);
  }

  dispose(): void {
    this.size.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  private fit(): void {
    const width = this.element.clientWidth;
    if (width > 0) this.plot?.setSize({ width, height: HEIGHT_PX });
  }
}

function clockText(seconds: number): string {
  const time = new Date(1000 * seconds);
  return [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}
