/** Draws the picture of a review and its own mask on one canvas; holds the picture for when the look changes. */
import { MaskError } from "../errors";
import type { MaskShape } from "../maskShape";
import { hasSizeOf } from "../overlaySession";
import type { ViewSettings } from "../overlayProtocol";
import { OverlayRenderer } from "../overlayRenderer";
import type { Extent } from "../pictureGeometry";
import type { StreamedFrame } from "./frameStream";

export class FilmPainter {
  private frame: StreamedFrame<VideoFrame> | null = null;
  private readonly renderer: OverlayRenderer;
  private isMasked = false;
  framesDrawn = 0;
  masksDrawn = 0;

  /** @param maskOf the mask of the picture of exactly this time; null if none is known. */
  constructor(
    canvas: HTMLCanvasElement,
    private readonly maskOf: (pts: number) => MaskShape | null,
    private settings: ViewSettings,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("no 2d canvas in this browser");
    this.renderer = new OverlayRenderer(context);
  }

  get size(): Extent | null {
    const image = this.frame?.image;
    return image === undefined ? null : { width: image.displayWidth, height: image.displayHeight };
  }

  /** Time of the picture on the screen. */
  get pts(): number | null {
    return this.frame?.pts ?? null;
  }

  /** Whether the picture on the screen has a mask, an empty one included. */
  get hasMask(): boolean {
    return this.isMasked;
  }

  /** Show a picture, which is the painter's from now on. */
  show(frame: StreamedFrame<VideoFrame>): void {
    this.frame?.image.close();
    this.frame = frame;
    this.isMasked = false;
    this.framesDrawn++;
    this.draw();
  }

  configure(settings: ViewSettings): void {
    this.settings = settings;
    this.draw();
  }

  setDisplay(display: Extent): void {
    this.renderer.setDisplay(display);
    this.draw();
  }

  /** Draw the same picture again: its mask may be there now. */
  draw(): void {
    const { frame } = this;
    if (frame === null) return;
    const { image } = frame;
    const { displayWidth: width, displayHeight: height } = image;
    const shape = this.shapeFor(frame.pts, { width, height });
    if (shape !== null && !this.isMasked) this.masksDrawn++;
    this.isMasked = shape !== null;
    const { look, hidden, layout } = this.settings;
    const overlay = shape === null || hidden ? null : { shape, look, ageMs: null };
    this.renderer.draw({ image, width, height }, overlay, layout);
  }

  dispose(): void {
    this.frame?.image.close();
    this.frame = null;
  }

  private shapeFor(pts: number, size: Extent): MaskShape | null {
    try {
      const shape = this.maskOf(pts);
      return shape !== null && hasSizeOf({ shape }, size) ? shape : null;
    } catch (error) {
      if (!(error instanceof MaskError)) throw error;
      console.warn(error.message);
      return null;
    }
  }
}
