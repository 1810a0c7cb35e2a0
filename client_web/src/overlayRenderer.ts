/** Paints pictures and their masks on one canvas, so that a mask can never be seen on another picture. */
import { planCanvas, type CanvasPlan } from "./canvasPlan";
import type { MaskShape } from "./maskShape";
import {
  COLOR_VALUES,
  FILL_SHARE,
  HALO_OPACITY,
  lineWidthPx,
  type OverlayLook,
  type ViewLayout,
} from "./overlayLook";
import { cornersOf, outlineOf, type PictureScale } from "./overlayPaths";
import type { Extent } from "./pictureGeometry";

/** Anything a canvas can draw that knows its size in pixels. */
export interface Drawable {
  readonly image: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export interface Overlay {
  readonly shape: MaskShape;
  readonly look: OverlayLook;
  /** Written beside the outline when the mask is of an earlier picture; null otherwise. */
  readonly ageMs: number | null;
}

export class OverlayRenderer {
  private display: Extent | null = null;

  constructor(private readonly context: Context2D) {}

  /** Device pixels that the canvas may fill on the screen. */
  setDisplay(display: Extent): void {
    this.display = display;
  }

  draw(picture: Drawable, overlay: Overlay | null, layout: ViewLayout): void {
    const { context } = this;
    const plan = planCanvas(picture, layout, this.display);
    const { canvas } = context;
    // Setting a size, even the same, empties the canvas.
    if (canvas.width !== plan.width || canvas.height !== plan.height) {
      canvas.width = plan.width;
      canvas.height = plan.height;
    }
    const { width, height } = plan.picture;
    if (plan.clean !== null) context.drawImage(picture.image, plan.clean.x, plan.clean.y, width, height);
    context.drawImage(picture.image, plan.marked.x, plan.marked.y, width, height);
    if (overlay === null || overlay.look.style === "off" || overlay.shape.polygons.length === 0) return;
    this.inMarkedPicture(plan, () => this.paint(overlay, plan.picture));
  }

  clear(): void {
    const { canvas } = this.context;
    this.context.clearRect(0, 0, canvas.width, canvas.height);
  }

  /** Lines at the edge are cut there: the clean picture beside it stays clean. */
  private inMarkedPicture(plan: CanvasPlan, paint: () => void): void {
    if (plan.clean === null) {
      paint();
      return;
    }
    const { context } = this;
    context.save();
    context.translate(plan.marked.x, plan.marked.y);
    context.beginPath();
    context.rect(0, 0, plan.picture.width, plan.picture.height);
    context.clip();
    paint();
    context.restore();
  }

  private paint({ shape, look, ageMs }: Overlay, picture: Extent): void {
    const { context } = this;
    const [sourceHeight, sourceWidth] = shape.sourceSize;
    // Source pixels equal picture pixels unless the video was scaled on its way, or is enlarged here.
    const scale = { x: picture.width / sourceWidth, y: picture.height / sourceHeight };
    const width = lineWidthPx(picture.height, look.width);
    const color = COLOR_VALUES[look.color];
    const path = look.style === "box" ? cornersOf(shape, scale, width) : outlineOf(shape, scale);
    context.lineJoin = "round";
    if (look.style === "fill") {
      context.globalAlpha = look.opacity * FILL_SHARE;
      context.fillStyle = color;
      context.fill(path, "evenodd");
    }
    context.globalAlpha = HALO_OPACITY;
    context.strokeStyle = "#000000";
    context.lineWidth = width + Math.max(3, width);
    context.stroke(path);
    context.globalAlpha = look.opacity;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke(path);
    context.globalAlpha = 1;
    if (ageMs !== null) this.paintAge(shape, scale, ageMs, picture);
  }

  private paintAge(shape: MaskShape, scale: PictureScale, ageMs: number, picture: Extent): void {
    const { context } = this;
    const size = Math.max(14, Math.round(picture.height / 32));
    const text = `${Math.round(ageMs)} ms`;
    context.font = `${size}px sans-serif`;
    const left = Math.min(shape.right * scale.x + size / 2, picture.width - context.measureText(text).width - 4);
    const baseline = Math.max(shape.top * scale.y, size + 4);
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = "rgba(0, 0, 0, 0.7)";
    context.strokeText(text, left, baseline);
    context.fillStyle = "#ffffff";
    context.fillText(text, left, baseline);
  }
}
