/** The lines of a mask as canvas paths. */
import { signedArea, type Polygon } from "./contour";
import type { MaskShape } from "./maskShape";

/** Canvas pixels for one source pixel. */
export interface PictureScale {
  readonly x: number;
  readonly y: number;
}

/** How much of a box's shorter side a corner takes. */
const CORNER_SHARE = 0.25;

/** Every edge, holes included, as a smooth curve through the middles of the polygon's sides. */
export function outlineOf(shape: MaskShape, scale: PictureScale): Path2D {
  const path = new Path2D();
  for (const polygon of shape.polygons) {
    const last = polygon.length - 2;
    const x = (i: number): number => (polygon[i] ?? 0) * scale.x;
    const y = (i: number): number => (polygon[i + 1] ?? 0) * scale.y;
    path.moveTo((x(last) + x(0)) / 2, (y(last) + y(0)) / 2);
    for (let i = 0; i <= last; i += 2) {
      const next = i === last ? 0 : i + 2;
      path.quadraticCurveTo(x(i), y(i), (x(i) + x(next)) / 2, (y(i) + y(next)) / 2);
    }
    path.closePath();
  }
  return path;
}

/** Four corners around each connected part, clear of its edge; holes get none. */
export function cornersOf(shape: MaskShape, scale: PictureScale, lineWidth: number): Path2D {
  const path = new Path2D();
  for (const polygon of shape.polygons) {
    if (signedArea(polygon) <= 0) continue;
    const { left, top, right, bottom } = boxOf(polygon, scale, 2 * lineWidth);
    const arm = Math.max(2 * lineWidth, CORNER_SHARE * Math.min(right - left, bottom - top));
    for (const [x, dx] of [[left, arm], [right, -arm]] as const) {
      for (const [y, dy] of [[top, arm], [bottom, -arm]] as const) {
        path.moveTo(x + dx, y);
        path.lineTo(x, y);
        path.lineTo(x, y + dy);
      }
    }
  }
  return path;
}

function boxOf(
  polygon: Polygon,
  scale: PictureScale,
  margin: number,
): { left: number; top: number; right: number; bottom: number } {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i + 1 < polygon.length; i += 2) {
    const x = (polygon[i] ?? 0) * scale.x;
    const y = (polygon[i + 1] ?? 0) * scale.y;
    left = Math.min(left, x - margin);
    right = Math.max(right, x + margin);
    top = Math.min(top, y - margin);
    bottom = Math.max(bottom, y + margin);
  }
  return { left, top, right, bottom };
}
