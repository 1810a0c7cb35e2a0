/** Paints a picture and the edge of its mask on one canvas whose bitmap has the picture's size. */
import type { MaskShape } from "./maskShape";
import { strings } from "./strings";

/** Colour of the core of every outline, painted without alpha: tests look for exactly this value. */
export const OUTLINE_COLOR = "#00ffd0";
const HALO_COLOR = "rgba(0, 0, 0, 0.6)";
const FILL_COLOR = "rgba(0, 255, 208, 0.22)";

export type OverlayStyle = "outline" | "fill" | "off";

/** Anything a canvas can draw that knows its size in pixels. */
export interface Drawable {
  readonly image: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export interface Overlay {
  readonly shape: MaskShape;
  readonly style: OverlayStyle;
  /** Written beside the outline when the mask is of an earlier picture; null otherwise. */
  readonly ageMs: number | null;
}

/** Core width of the outline in picture pixels: 2 in small pictures, 3 from 400 to 840 lines, then more. */
export function outlineWidthPx(height: number): number {
  return height < 400 ? 2 : Math.max(3, Math.round(height / 240));
}

export class OverlayRenderer {
  constructor(private readonly context: Context2D) {}

  draw(picture: Drawable, overlay: Overlay | null): void {
    const { canvas } = this.context;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    this.context.drawImage(picture.image, 0, 0, picture.width, picture.height);
    if (overlay === null || overlay.style === "off" || overlay.shape.polygons.length === 0) return;
    this.paintEdge(overlay, picture);
    if (overlay.ageMs !== null) this.paintAge(overlay.shape, overlay.ageMs, picture);
  }

  clear(): void {
    const { canvas } = this.context;
    this.context.clearRect(0, 0, canvas.width, canvas.height);
  }

  private paintEdge(overlay: Overlay, picture: Drawable): void {
    const { context } = this;
    const width = outlineWidthPx(picture.height);
    const path = pathOf(overlay.shape, picture);
    context.lineJoin = "round";
    if (overlay.style === "fill") {
      context.fillStyle = FILL_COLOR;
      context.fill(path, "evenodd");
    }
    context.strokeStyle = HALO_COLOR;
    context.lineWidth = width + 3;
    context.stroke(path);
    context.strokeStyle = OUTLINE_COLOR;
    context.lineWidth = width;
    context.stroke(path);
  }

  private paintAge(shape: MaskShape, ageMs: number, picture: Drawable): void {
    const { context } = this;
    const size = Math.max(14, Math.round(picture.height / 32));
    const text = strings.maskAge(ageMs);
    context.font = `${size}px sans-serif`;
    const [x, y] = scaleToPicture(shape, picture, shape.right, shape.top);
    const left = Math.min(x + size / 2, picture.width - context.measureText(text).width - 4);
    const baseline = Math.max(y, size + 4);
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = HALO_COLOR;
    context.strokeText(text, left, baseline);
    context.fillStyle = "#ffffff";
    context.fillText(text, left, baseline);
  }
}

function pathOf(shape: MaskShape, picture: Drawable): Path2D {
  const path = new Path2D();
  for (const polygon of shape.polygons) {
    for (let i = 0; i + 1 < polygon.length; i += 2) {
      const [x, y] = scaleToPicture(shape, picture, polygon[i] ?? 0, polygon[i + 1] ?? 0);
      if (i === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
}

/** Source pixels equal picture pixels unless the video was scaled on its way. */
function scaleToPicture(shape: MaskShape, picture: Drawable, x: number, y: number): [number, number] {
  const [sourceHeight, sourceWidth] = shape.sourceSize;
  return [(x * picture.width) / sourceWidth, (y * picture.height) / sourceHeight];
}
