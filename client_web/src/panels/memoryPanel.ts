/** Why the network thinks so: the frames in its memory, live, and where in one of them it looks. */
import { h, setText } from "../dom";
import { ApiError, describeError } from "../errors";
import { memoryWords } from "../i18n/memory";
import type { OpenPanel, Panel, PanelContext } from "../panelHost";
import { inLanguage } from "../strings";
import { mapPixels, parseMemoryReading, type MemoryFrame, type MemoryMap, type MemoryReading } from "./memoryReading";
import { Polling } from "./polling";

const INTERVAL_MS = 200;

export function createMemoryPanel(): Panel {
  const words = inLanguage(memoryWords);
  return {
    id: "memory",
    place: "side",
    title: words.title,
    label: words.label,
    key: "w",
    open: (context) => new MemoryView(context),
  };
}

class MemoryView implements OpenPanel {
  readonly element: HTMLElement;
  private readonly words = inLanguage(memoryWords);
  private readonly count = h("p", { class: "quiet" });
  private readonly note = h("p", { class: "memory-note", role: "status" }, this.words.waiting);
  private readonly list = h("ul", { class: "memory-frames" });
  private readonly detail = new FrameDetail();
  private readonly tiles = new Map<number, FrameTile>();
  private readonly watch: Polling<MemoryReading>;
  private chosen: number | null = null;
  private isDisposed = false;

  constructor(private readonly context: PanelContext) {
    const { words } = this;
    this.element = h(
      "div",
      { class: "memory", "data-state": "waiting" },
      h("h2", {}, words.heading),
      h("p", { class: "quiet" }, words.explanation),
      this.detail.element,
      this.note,
      this.count,
      this.list,
    );
    this.watch = new Polling({
      ask: () => this.ask(),
      onAnswer: (reading) => this.show(reading),
      onError: (error) => this.complain(error),
      intervalMs: INTERVAL_MS,
      finalCodes: ["memory_not_told"],
    });
    this.watch.start();
  }

  dispose(): void {
    this.isDisposed = true;
    this.watch.end();
    for (const tile of this.tiles.values()) tile.dispose();
  }

  private get path(): string {
    return `/v1/sessions/${encodeURIComponent(this.context.sessionId)}/memory`;
  }

  private async ask(): Promise<MemoryReading> {
    const wanted = this.chosen === null ? "" : `?map=${this.chosen}`;
    return parseMemoryReading(await this.context.api.getJson(this.path + wanted));
  }

  private show(reading: MemoryReading): void {
    this.element.dataset["state"] = "live";
    setText(this.note, reading.frames.length === 0 ? this.words.selfRead : "");
    setText(this.count, this.words.frames(reading.frames.length));
    const even = 1 / Math.max(1, reading.frames.length);
    this.letGo(reading);
    for (const frame of reading.frames) this.tileOf(frame).show(frame, even);
    const chosen = reading.frames.find((frame) => frame.sequence === this.chosen);
    if (chosen === undefined) this.choose(null);
    else this.detail.show(chosen, this.tiles.get(chosen.sequence)?.source ?? "", reading);
  }

  /** Frames that left the memory leave the page with their pictures. */
  private letGo(reading: MemoryReading): void {
    const held = new Set(reading.frames.map((frame) => frame.sequence));
    for (const [sequence, tile] of this.tiles) {
      if (held.has(sequence)) continue;
      tile.dispose();
      this.tiles.delete(sequence);
    }
  }

  private tileOf(frame: MemoryFrame): FrameTile {
    let tile = this.tiles.get(frame.sequence);
    if (tile === undefined) {
      tile = new FrameTile(() => this.choose(this.chosen === frame.sequence ? null : frame.sequence));
      this.tiles.set(frame.sequence, tile);
      this.list.append(tile.element);
    }
    if (frame.hasPicture && tile.needsPicture) void this.load(frame.sequence, tile);
    return tile;
  }

  private async load(sequence: number, tile: FrameTile): Promise<void> {
    tile.needsPicture = false;
    try {
      const picture = await this.context.api.getBlob(`${this.path}/${sequence}`);
      if (!this.isDisposed && this.tiles.get(sequence) === tile) tile.setPicture(picture);
    } catch {
      // It left the memory meanwhile, or the server is away: the next reading tells which.
      tile.needsPicture = true;
    }
  }

  private choose(sequence: number | null): void {
    this.chosen = sequence;
    for (const [other, tile] of this.tiles) tile.mark(other === sequence);
    if (sequence === null) this.detail.clear();
  }

  private complain(error: unknown): void {
    this.element.dataset["state"] = "stale";
    const isSilent = error instanceof ApiError && error.code === "memory_not_told";
    if (error instanceof ApiError && error.code === "memory_not_read") setText(this.note, this.words.stale);
    else setText(this.note, isSilent ? this.words.notTold : `${this.words.stale} (${describeError(error)})`);
  }
}

/** One frame: thumbnail, bar, share, age. Its place never changes while it is in memory. */
class FrameTile {
  readonly element: HTMLElement;
  needsPicture = true;
  source = "";
  private readonly words = inLanguage(memoryWords);
  private readonly image = h("img", { alt: "", width: "88", height: "88" });
  private readonly bar = h("span", { class: "memory-bar" });
  private readonly share = h("span", { class: "memory-share" });
  private readonly age = h("span", { class: "memory-age" });
  private readonly button: HTMLButtonElement;

  constructor(onChoose: () => void) {
    const figures = h("span", { class: "memory-figures" }, this.share, this.age);
    this.button = h("button", { type: "button", "aria-pressed": "false" }, this.image, this.bar, figures);
    this.button.addEventListener("click", onChoose);
    this.element = h("li", {}, this.button);
  }

  show(frame: MemoryFrame, even: number): void {
    const share = this.words.share((100 * frame.share).toFixed(1));
    const age = this.words.age(ageText(frame.ageS));
    // An even share reaches the mark in the middle of the bar.
    this.bar.style.setProperty("--length", `${Math.min(100, (50 * frame.share) / even)}%`);
    setText(this.share, share);
    setText(this.age, age);
    this.button.setAttribute("aria-label", this.words.frameName(age, share));
  }

  setPicture(picture: Blob): void {
    this.source = URL.createObjectURL(picture);
    this.image.src = this.source;
  }

  mark(isChosen: boolean): void {
    this.button.setAttribute("aria-pressed", String(isChosen));
  }

  dispose(): void {
    this.element.remove();
    if (this.source !== "") URL.revokeObjectURL(this.source);
  }
}

/** The chosen frame, large, with the map of attention over it. */
class FrameDetail {
  readonly element: HTMLElement;
  private readonly words = inLanguage(memoryWords);
  private readonly image = h("img", { alt: "" });
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly picture = h("div", { class: "memory-picture", hidden: true }, this.image, this.canvas);
  private readonly text = h("p", {}, this.words.chooseOne);
  private readonly mapNote = h("p", { class: "quiet" });

  constructor() {
    this.element = h("div", { class: "memory-detail" }, this.picture, this.text, this.mapNote);
  }

  show(frame: MemoryFrame, source: string, reading: MemoryReading): void {
    this.picture.hidden = source === "";
    if (this.image.src !== source && source !== "") this.image.src = source;
    const { words } = this;
    const percent = (share: number): string => words.share((100 * share).toFixed(1));
    setText(this.text, words.detail(percent(frame.share), words.age(ageText(frame.ageS)), percent(frame.area)));
    setText(this.mapNote, reading.hasMaps ? words.mapNote : words.noMap);
    if (reading.map?.sequence === frame.sequence) this.draw(reading.map);
    else if (this.canvas.dataset["sequence"] !== String(frame.sequence)) this.wipe();
  }

  clear(): void {
    this.picture.hidden = true;
    this.wipe();
    setText(this.text, this.words.chooseOne);
    setText(this.mapNote, "");
  }

  private draw(map: MemoryMap): void {
    this.canvas.width = map.width;
    this.canvas.height = map.height;
    this.canvas.dataset["sequence"] = String(map.sequence);
    const pixels = new ImageData(mapPixels(map), map.width, map.height);
    this.canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  }

  private wipe(): void {
    delete this.canvas.dataset["sequence"];
    this.canvas.width = 1;
  }
}

function ageText(seconds: number): string {
  return seconds < 10 ? seconds.toFixed(1) : Math.round(seconds).toString();
}
