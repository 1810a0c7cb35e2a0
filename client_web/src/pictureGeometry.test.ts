import { expect, it } from "vitest";
import { placeContained, rectangleBetween } from "./pictureGeometry";

const wide = { width: 1000, height: 400 };
const picture = { width: 640, height: 480 };

it("places a picture in the middle, as large as fits", () => {
  expect(placeContained({ width: 320, height: 480 }, picture)).toEqual({ scale: 0.5, left: 0, top: 120 });
  expect(placeContained({ width: 1000, height: 480 }, picture)).toEqual({ scale: 1, left: 180, top: 0 });
});

it("reads a rectangle in picture pixels whichever way it was drawn", () => {
  const element = { width: 1000, height: 480 };
  const [a, b] = [{ x: 280, y: 50 }, { x: 480, y: 350 }];
  expect(rectangleBetween(a, b, element, picture)).toEqual([100, 50, 200, 300]);
  expect(rectangleBetween(b, a, element, picture)).toEqual([100, 50, 200, 300]);
});

it("cuts what was drawn beside the picture", () => {
  expect(rectangleBetween({ x: -20, y: -20 }, { x: 2000, y: 2000 }, wide, picture)).toEqual([0, 0, 640, 480]);
  expect(rectangleBetween({ x: 0, y: 0 }, { x: 10, y: 400 }, wide, picture)).toEqual([0, 0, 0, 480]);
});
