/** Where a picture lies in an element that contains it whole, and what part of it was drawn around. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** x, y, width, height in picture pixels. */
export type Rectangle = readonly [number, number, number, number];

/** The scale and the corner of a picture that is shown as large as fits, in the middle (`object-fit: contain`). */
export function placeContained(element: Extent, picture: Extent): { scale: number; left: number; top: number } {
  const scale = Math.min(element.width / picture.width, element.height / picture.height);
  return {
    scale,
    left: (element.width - picture.width * scale) / 2,
    top: (element.height - picture.height * scale) / 2,
  };
}

/** The part of the picture between two points of the element, cut to the picture. */
export function rectangleBetween(a: Point, b: Point, element: Extent, picture: Extent): Rectangle {
  const { scale, left, top } = placeContained(element, picture);
  const toX = (x: number): number => Math.round(Math.min(picture.width, Math.max(0, (x - left) / scale)));
  const toY = (y: number): number => Math.round(Math.min(picture.height, Math.max(0, (y - top) / scale)));
  const [x, right] = [toX(Math.min(a.x, b.x)), toX(Math.max(a.x, b.x))];
  const [y, bottom] = [toY(Math.min(a.y, b.y)), toY(Math.max(a.y, b.y))];
  return [x, y, right - x, bottom - y];
}
