import { expect, it } from "vitest";
import { isSamePicture } from "./videoElementFrames";

it("knows a picture by its media time, told in other units", () => {
  expect(isSamePicture(123_456_789, 123.456789)).toBe(true);
  expect(isSamePicture(123_456_789, 123.4567885)).toBe(true);
});

it("refuses the picture after the one it was told of, at any frame rate", () => {
  for (const fps of [25, 60, 240, 1000]) expect(isSamePicture(1e6 + 1e6 / fps, 1)).toBe(false);
});
