/** The edge of a mask as closed polygons, at model size. */
import type { Bitmap } from "./maskDecoder";

/** Closed polygon: x0, y0, x1, y1, ... in mask pixels; pixel (i, j) covers [i, i+1) x [j, j+1). */
export type Polygon = Float32Array;

/** How far smoothing may move a point of the edge, in mask pixels. */
export const MAX_SHIFT_PX = 0.75;
/** Taubin's pair: a step that smooths and shrinks, one that swells back. */
const SMOOTHING_STEPS = [0.5, -0.52] as const;
const SMOOTHING_PAIRS = 8;

/**
 * Trace every edge of a mask by marching squares.
 *
 * Samples sit at pixel centres, outside the picture is background, and a diagonal pair counts as
 * connected. The foreground lies to the right of the direction of travel: outer edges turn clockwise
 * on the screen, holes the other way.
 */
export function traceContours(mask: Bitmap): Polygon[] {
  const successors = collectSegments(mask);
  const rowLength = 2 * (mask.width + 2);
  const polygons: Polygon[] = [];
  for (const start of successors.keys()) {
    if (!successors.has(start)) continue;
    const points: number[] = [];
    let key: number | undefined = start;
    while (key !== undefined) {
      // Keys live on a grid of half pixels shifted by the background border: back to mask pixels.
      points.push(((key % rowLength) - 1) / 2, (Math.floor(key / rowLength) - 1) / 2);
      const next: number | undefined = successors.get(key);
      successors.delete(key);
      key = next !== undefined && successors.has(next) ? next : undefined;
    }
    polygons.push(Float32Array.from(points));
  }
  return polygons;
}

/** Steps from one edge midpoint to the next, in doubled coordinates of the bordered picture. */
function collectSegments(mask: Bitmap): Map<number, number> {
  const { width, height, bits } = mask;
  const rowLength = 2 * (width + 2);
  const successors = new Map<number, number>();
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (bits[y * width + x] ?? 0);

  const first = bits.indexOf(1);
  if (first < 0) return successors;
  const lastRow = Math.floor(bits.lastIndexOf(1) / width);
  for (let y = Math.floor(first / width) - 1; y <= lastRow; y++) {
    for (let x = -1; x < width; x++) {
      const corners = 8 * at(x, y) + 4 * at(x + 1, y) + 2 * at(x + 1, y + 1) + at(x, y + 1);
      if (corners === 0 || corners === 15) continue;
      // Corner samples sit at doubled coordinates (2x+2, 2y+2) .. (2x+4, 2y+4), edges between them.
      const corner = (2 * y + 2) * rowLength + 2 * x + 2;
      const left = corner + rowLength;
      const edges = { top: corner + 1, left, right: left + 2, bottom: left + rowLength + 1 };
      for (const [from, to] of CELL_SEGMENTS[corners] ?? []) successors.set(edges[from], edges[to]);
    }
  }
  return successors;
}

type CellEdge = "top" | "right" | "bottom" | "left";

/**
 * Directed segments of a cell by its corners (top left 8, top right 4, bottom right 2, bottom left 1),
 * foreground on the right hand.
 */
const CELL_SEGMENTS: readonly (readonly (readonly [CellEdge, CellEdge])[])[] = [
  [],
  [["left", "bottom"]],
  [["bottom", "right"]],
  [["left", "right"]],
  [["right", "top"]],
  // Two diagonals, joined.
  [
    ["left", "top"],
    ["right", "bottom"],
  ],
  [["bottom", "top"]],
  [["left", "top"]],
  [["top", "left"]],
  [["top", "bottom"]],
  [
    ["top", "right"],
    ["bottom", "left"],
  ],
  [["top", "right"]],
  [["right", "left"]],
  [["right", "bottom"]],
  [["bottom", "left"]],
  [],
];

/**
 * Take the staircase out of a polygon without moving its edge.
 *
 * Taubin smoothing, which does not shrink small shapes as plain averaging would; each point stays
 * within MAX_SHIFT_PX of where it was traced.
 */
export function smoothContour(polygon: Polygon): Polygon {
  if (polygon.length < 10) return polygon;
  let current = polygon;
  for (let pair = 0; pair < SMOOTHING_PAIRS; pair++) {
    for (const step of SMOOTHING_STEPS) current = relax(current, step);
  }
  return clampShift(polygon, current);
}

/** Move every point by `step` of its way to the middle of its two neighbours. */
function relax(polygon: Polygon, step: number): Polygon {
  const { length } = polygon;
  const moved = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const here = polygon[i] ?? 0;
    const middle = ((polygon[(i + length - 2) % length] ?? 0) + (polygon[(i + 2) % length] ?? 0)) / 2;
    moved[i] = here + step * (middle - here);
  }
  return moved;
}

function clampShift(original: Polygon, moved: Polygon): Polygon {
  for (let i = 0; i < moved.length; i += 2) {
    const x = original[i] ?? 0;
    const y = original[i + 1] ?? 0;
    const dx = (moved[i] ?? 0) - x;
    const dy = (moved[i + 1] ?? 0) - y;
    const shift = Math.hypot(dx, dy);
    if (shift > MAX_SHIFT_PX) {
      moved[i] = x + (dx * MAX_SHIFT_PX) / shift;
      moved[i + 1] = y + (dy * MAX_SHIFT_PX) / shift;
    }
  }
  return moved;
}
