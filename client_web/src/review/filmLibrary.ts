/**
 * The film of one review in this browser: fetches its parts and their masks, keeps the latest, and goes on
 * asking while the server is away.
 */
import { systemTimers, type Timers } from "../clock";
import { createMaskShape, type MaskShape } from "../maskShape";
import type { MaskMessage } from "../messages";
import { parseFilmPart, type FilmPart } from "./filmPart";
import type { PartSpan, ReviewApi } from "./reviewApi";

export const RETRY_MS = 500;
const KEPT_BYTES = 96 << 20;

interface KeptPart {
  readonly part: FilmPart;
  readonly bytes: number;
  masks: Map<number, MaskMessage>;
  /** Whether all of its masks are computed. */
  hasAllMasks: boolean;
}

type Source = Pick<ReviewApi, "part" | "masks">;

export class FilmLibrary {
  private spans: PartSpan[] = [];
  private readonly kept = new Map<number, Promise<KeptPart>>();
  private readonly loaded = new Map<number, KeptPart>();
  private readonly shapes = new WeakMap<MaskMessage, MaskShape>();
  private generation = 0;
  private isDisposed = false;
  isComplete = false;

  constructor(
    private readonly api: Source,
    private reviewId: string,
    private readonly timers: Timers = systemTimers,
  ) {}

  get parts(): readonly PartSpan[] {
    return this.spans;
  }

  /** End of what is there. */
  get toPts(): number {
    return this.spans.at(-1)?.toPts ?? 0;
  }

  /** Take the spans from number `first` on; a film only grows. */
  setParts(first: number, spans: readonly PartSpan[], isComplete: boolean): void {
    this.spans.splice(first, Infinity, ...spans);
    this.isComplete = isComplete;
  }

  /** The server began the review anew: nothing fetched before is believed. */
  rebind(reviewId: string): void {
    this.reviewId = reviewId;
    this.generation++;
    this.spans = [];
    this.isComplete = false;
    this.kept.clear();
    this.loaded.clear();
  }

  dispose(): void {
    this.isDisposed = true;
    this.rebind("");
  }

  /** Number of the part that shows `pts`; the nearest one; -1 while there is none. */
  partAt(pts: number): number {
    const after = this.spans.findIndex((span) => pts < span.toPts);
    return after === -1 ? this.spans.length - 1 : after;
  }

  /** Fetch a part with its masks, or wait for it; null once the film is another or the page is gone. */
  async load(number: number): Promise<FilmPart | null> {
    const { generation } = this;
    let fetching = this.kept.get(number);
    if (fetching === undefined) {
      fetching = this.fetchPart(number, generation);
      this.kept.set(number, fetching);
    }
    try {
      const kept = await fetching;
      return generation === this.generation ? kept.part : null;
    } catch (error) {
      if (this.kept.get(number) === fetching) this.kept.delete(number);
      if (generation !== this.generation || this.isDisposed) return null;
      throw error;
    }
  }

  /** As `load`, again and again while that fails: `onTrouble` is told why. */
  async loadPatiently(number: number, onTrouble: (error: unknown) => void): Promise<FilmPart | null> {
    const { generation } = this;
    while (generation === this.generation) {
      try {
        return await this.load(number);
      } catch (error) {
        onTrouble(error);
        await new Promise<void>((resolve) => this.timers.set(resolve, RETRY_MS));
      }
    }
    return null;
  }

  /** The mask of the picture of exactly this time; null if there is none, or none is known. */
  maskOf(pts: number): MaskShape | null {
    const kept = this.loaded.get(this.partAt(pts));
    const message = kept?.part.ambiguous.has(pts) === false ? kept.masks.get(pts) : undefined;
    if (message === undefined) return null;
    let shape = this.shapes.get(message);
    if (shape === undefined) {
      shape = createMaskShape(message);
      this.shapes.set(message, shape);
    }
    return shape;
  }

  /** Ask again for masks of a part that were not all computed when it was fetched; whether any came. */
  async refreshMasks(pts: number): Promise<boolean> {
    const number = this.partAt(pts);
    const [kept, span] = [this.loaded.get(number), this.spans[number]];
    if (kept === undefined || span === undefined || kept.hasAllMasks) return false;
    const before = kept.masks.size;
    await this.fetchMasks(kept, span);
    return kept.masks.size > before;
  }

  private async fetchPart(number: number, generation: number): Promise<KeptPart> {
    const content = await this.api.part(this.reviewId, number);
    const part = parseFilmPart(content);
    const kept: KeptPart = { part, bytes: content.byteLength, masks: new Map(), hasAllMasks: false };
    const span = this.spans[number];
    // Without its masks a picture is shown all the same.
    if (span !== undefined) await this.fetchMasks(kept, span).catch((error: unknown) => console.warn(error));
    if (generation === this.generation) {
      this.loaded.set(number, kept);
      this.forgetOldest(number);
    }
    return kept;
  }

  private async fetchMasks(kept: KeptPart, span: PartSpan): Promise<void> {
    const { masks, computedToPts } = await this.api.masks(this.reviewId, span);
    // Those that are there stay the same objects: their shapes are known.
    for (const mask of masks) if (!kept.masks.has(mask.pts)) kept.masks.set(mask.pts, mask);
    kept.hasAllMasks = computedToPts >= span.toPts;
  }

  private forgetOldest(newest: number): void {
    let bytes = 0;
    for (const kept of this.loaded.values()) bytes += kept.bytes;
    for (const [number, kept] of this.loaded) {
      if (bytes <= KEPT_BYTES || number === newest) return;
      bytes -= kept.bytes;
      this.loaded.delete(number);
      this.kept.delete(number);
    }
  }
}
