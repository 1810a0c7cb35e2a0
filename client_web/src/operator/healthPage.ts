/** Is the service well: readiness in words, figures in a table, the last ten minutes as plots. */
import type { Api } from "../api";
import { h, setText } from "../dom";
import { ApiError, describeError } from "../errors";
import { operatorWords, type OperatorWords } from "../i18n/operator";
import { asObject, countField, stringField } from "../json";
import type { Page, PageContext } from "../page";
import { createPageHeader } from "../pageHeader";
import { Polling } from "../panels/polling";
import { inLanguage } from "../strings";
import { HealthHistory, type HealthPoint } from "./healthHistory";
import { LivePlot, type PlotPlan } from "./livePlot";
import { parseMetrics, type Samples } from "./metricsText";

const INTERVAL_MS = 2000;
const GOOD = "#3ddc97";
const BLUE = "#6db3f2";
const AMBER = "#ffb224";

interface Reading {
  readonly readiness: string;
  readonly isReady: boolean;
  readonly samples: Samples;
}

export function createHealthPage({ api, onUnauthorized, onLanguage }: PageContext): Page {
  const words = inLanguage(operatorWords);
  const history = new HealthHistory();
  const plans = plansOf(words);
  const table = new FigureTable(plans, words);
  const readiness = h("p", { class: "readiness", role: "status" });
  const plots = h("div", { class: "plots" });
  const shown: LivePlot[] = [];
  let isDisposed = false;

  const show = (): void => {
    table.show(history.points.at(-1));
    for (const plot of shown) plot.show(history.points);
  };
  const polling = new Polling<Reading>({
    ask: () => ask(api, words),
    onAnswer: (reading) => {
      setText(readiness, reading.readiness);
      readiness.dataset["state"] = reading.isReady ? "good" : "bad";
      history.add(reading.samples, Date.now() / 1000);
      show();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401) onUnauthorized();
      readiness.dataset["state"] = "bad";
      setText(readiness, words.silent(describeError(error)));
    },
    intervalMs: INTERVAL_MS,
  });
  const element = h(
    "main",
    { class: "list-page" },
    createPageHeader(onLanguage),
    h("h2", {}, words.health),
    readiness,
    table.element,
    h("h2", {}, words.lastMinutes),
    plots,
  );
  void import("./plotLibrary").then(({ uPlot }) => {
    if (isDisposed) return;
    for (const plan of plans) shown.push(new LivePlot(plan, uPlot));
    plots.append(...shown.map((plot) => plot.element));
    show();
  });
  polling.start();
  return {
    element,
    dispose: () => {
      isDisposed = true;
      polling.end();
      for (const plot of shown) plot.dispose();
    },
  };
}

/** The server's own words end without a full stop. */
function asSentence(text: string): string {
  return /[.!?。]$/u.test(text) ? text : `${text}.`;
}

async function ask(api: Api, words: OperatorWords): Promise<Reading> {
  const samples = parseMetrics(await api.getText("/metrics"));
  try {
    const ready = asObject(await api.getJson("/readyz"), "readiness");
    const capacity = asObject(ready["capacity"], "capacity");
    const parts = [
      words.ready,
      words.capacity(countField(capacity, "sessions"), countField(capacity, "limit")),
      stringField(ready, "note"),
      stringField(capacity, "explanation"),
    ];
    return { readiness: parts.filter(Boolean).map(asSentence).join(" "), isReady: true, samples };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 503) throw error;
    return { readiness: words.notReady(error.message), isReady: false, samples };
  }
}

function plansOf(words: OperatorWords): PlotPlan[] {
  return [
    {
      title: words.maskAge,
      lines: [
        { label: words.median, color: BLUE, value: (point) => point.maskAgeMedianMs },
        { label: words.p95, color: AMBER, value: (point) => point.maskAgeP95Ms },
      ],
    },
    {
      title: words.rates,
      lines: [
        { label: words.pictures, color: BLUE, value: (point) => point.picturesPerS },
        { label: words.masks, color: GOOD, value: (point) => point.masksPerS },
      ],
    },
    {
      title: words.drops,
      lines: [{ label: words.dropped, color: AMBER, value: (point) => point.dropsPerS }],
    },
    {
      title: words.memory,
      lines: [
        { label: words.service, color: BLUE, value: (point) => point.serviceMb },
        { label: words.worker, color: GOOD, value: (point) => point.workerMb },
        { label: words.gpu, color: AMBER, value: (point) => point.gpuMb },
      ],
    },
  ];
}

/** The newest figures in words: for who cannot see the plots, and for who wants a number. */
class FigureTable {
  readonly element: HTMLElement;
  private readonly cells: { readonly cell: HTMLElement; readonly value: (point: HealthPoint) => number | null }[] = [];

  constructor(
    plans: readonly PlotPlan[],
    private readonly words: OperatorWords,
  ) {
    const body = h("tbody");
    for (const plan of plans) {
      for (const line of plan.lines) {
        const cell = h("td", { class: "number" }, words.unknown);
        this.cells.push({ cell, value: line.value });
        body.append(h("tr", {}, h("th", { scope: "row" }, plan.title), h("td", {}, line.label), cell));
      }
    }
    const head = h("tr", {}, h("th", { scope: "col", colspan: "2" }, words.figure), h("th", { scope: "col" }, words.now));
    this.element = h("table", { class: "figures" }, h("thead", {}, head), body);
  }

  show(point: HealthPoint | undefined): void {
    for (const { cell, value } of this.cells) {
      const number = point === undefined ? null : value(point);
      setText(cell, number === null ? this.words.unknown : number.toFixed(number < 10 ? 1 : 0));
    }
  }
}
