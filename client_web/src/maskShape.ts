/** A mask ready to be painted: its edges in source pixels. */
import { smoothContour, traceContours, type Polygon } from "./contour";
import { decodeMask } from "./maskDecoder";
import type { MaskMessage, Size } from "./messages";

export interface MaskShape {
  /** Closed polygons in source pixels, empty when nothing was found. */
  readonly polygons: readonly Polygon[];
  readonly sourceSize: Size;
  /** Right-most and top-most coordinate of all polygons, in source pixels. */
  readonly right: number;
  readonly top: number;
}

/**
 * Decode a mask message and place its edges in the source frame.
 *
 * @throws MaskError when the run lengths do not describe the stated size.
 */
export function createMaskShape(message: Pick<MaskMessage, "rle" | "region" | "source_size">): MaskShape {
  const [height, width] = message.rle.size;
  const [x, y, regionWidth, regionHeight] = message.region;
  const bitmap = decodeMask(message.rle.counts, height, width);
  const polygons = traceContours(bitmap).map((traced) => {
    const polygon = smoothContour(traced);
    for (let i = 0; i + 1 < polygon.length; i += 2) {
      polygon[i] = x + ((polygon[i] ?? 0) * regionWidth) / width;
      polygon[i + 1] = y + ((polygon[i + 1] ?? 0) * regionHeight) / height;
    }
    return polygon;
  });
  let right = 0;
  let top = Number.POSITIVE_INFINITY;
  for (const polygon of polygons) {
    for (let i = 0; i + 1 < polygon.length; i += 2) {
      right = Math.max(right, polygon[i] ?? 0);
      top = Math.min(top, polygon[i + 1] ?? 0);
    }
  }
  return { polygons, sourceSize: message.source_size, right, top };
}
