/** The edge of a mask as closed polygons, at model size. */
import type { Bitmap } from "./maskDecoder";

/** Closed polygon: x0, y0, x1, y1, ... in mask pixels; pixel (i, j) covers [i, i+1) x [j, j+1). */
export type Polygon = Float32Array;

/** How far smoothing may move a point of the edge, in mask pixels: half the pixel that it is uncertain by. */
export const MAX_SHIFT_PX = 0.5;
/** Taubin's pair: a step that smooths and shrinks, one that swells back. */
const SMOOTHING_STEPS = [0.5, -0.505] as const;
/**
 * How often: large shapes have nearly straight edges with stairs a dozen pixels long, small ones have
 * curves of that length, which must stay. contour.test.ts measures what comes of it.
 */
const POINTS_PER_PAIR = 4;
const MIN_PAIRS = 4;
const MAX_PAIRS = 60;

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
  let current = Float32Array.from(polygon);
  let spare = new Float32Array(polygon.length);
  const pairs = Math.min(MAX_PAIRS, Math.max(MIN_PAIRS, Math.round(polygon.length / 2 / POINTS_PER_PAIR)));
  for (let pair = 0; pair < pairs; pair++) {
    for (const step of SMOOTHING_STEPS) {
      relax(current, spare, step);
      [current, spare] = [spare, current];
    }
  }
  return clampShift(polygon, current);
}

/** Move every point by `step` of its way to the middle of its two neighbours. */
function relax(from: Polygon, to: Polygon, step: number): void {
  const last = from.length - 2;
  for (let i = 0; i <= last; i += 2) {
    const before = i === 0 ? last : i - 2;
    const after = i === last ? 0 : i + 2;
    // Indices are within the polygon; the fallbacks are for the type checker.
    const x = from[i] ?? 0;
    const y = from[i + 1] ?? 0;
    to[i] = x + step * (((from[before] ?? 0) + (from[after] ?? 0)) / 2 - x);
    to[i + 1] = y + step * (((from[before + 1] ?? 0) + (from[after + 1] ?? 0)) / 2 - y);
  }
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

/** Area inside a polygon; positive where it turns clockwise on the screen (an outer edge), negative for holes. */
export function signedArea(polygon: Polygon): number {
  let sum = 0;
  for (let i = 0; i + 1 < polygon.length; i += 2) {
    const j = (i + 2) % polygon.length;
    sum += (polygon[i] ?? 0) * (polygon[j + 1] ?? 0) - (polygon[j] ?? 0) * (polygon[i + 1] ?? 0);
  }
  return sum / 2;
}
