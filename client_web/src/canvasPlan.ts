/** Where the picture lies on the canvas, once or twice, and how large the canvas has to be. */
import type { ViewLayout } from "./overlayLook";
import type { Extent, Point } from "./pictureGeometry";

/** Between the clean picture and the one with masks. */
export const GAP_PX = 8;
/** A picture shown larger than this is drawn larger, so that lines are sharp; below, the browser's scaling will do. */
export const MIN_ENLARGEMENT = 1.25;
/** What is drawn for every frame stays within a 2560 x 1600 screen. */
export const MAX_PIXELS = 2560 * 1600;

export interface CanvasPlan extends Extent {
  /** Size of one picture on the canvas. */
  readonly picture: Extent;
  /** Corner of the picture with masks. */
  readonly marked: Point;
  /** Corner of the clean picture beside it; null in the single layout. */
  readonly clean: Point | null;
}

/** @param display device pixels the canvas may fill; null while unknown. */
export function planCanvas(picture: Extent, layout: ViewLayout, display: Extent | null): CanvasPlan {
  if (layout === "single") {
    const size = enlarge(picture, enlargement(picture, picture, display));
    return { ...size, picture: size, marked: { x: 0, y: 0 }, clean: null };
  }
  const isRow = display === null || fit(rowOf(picture), display) >= fit(columnOf(picture), display);
  const whole = isRow ? rowOf : columnOf;
  const size = enlarge(picture, enlargement(whole(picture), picture, display));
  const marked = isRow ? { x: size.width + GAP_PX, y: 0 } : { x: 0, y: size.height + GAP_PX };
  return { ...whole(size), picture: size, marked, clean: { x: 0, y: 0 } };
}

function rowOf({ width, height }: Extent): Extent {
  return { width: 2 * width + GAP_PX, height };
}

function columnOf({ width, height }: Extent): Extent {
  return { width, height: 2 * height + GAP_PX };
}

function fit(whole: Extent, display: Extent): number {
  return Math.min(display.width / whole.width, display.height / whole.height);
}

function enlargement(whole: Extent, picture: Extent, display: Extent | null): number {
  if (display === null) return 1;
  const wanted = fit(whole, display);
  if (wanted < MIN_ENLARGEMENT) return 1;
  return Math.max(1, Math.min(wanted, Math.sqrt(MAX_PIXELS / (picture.width * picture.height))));
}

function enlarge({ width, height }: Extent, factor: number): Extent {
  return { width: Math.round(width * factor), height: Math.round(height * factor) };
}
