import { expect, it } from "vitest";
import { MessageError } from "../errors";
import { mapPixels, parseMemoryReading } from "./memoryReading";

const answer = {
  sequence: 100,
  pts: 900000,
  frames: [{ sequence: 70, pts: 630000, age_s: 3, share: 0.25, area: 0.02, has_picture: true }],
  has_maps: true,
  map: { sequence: 70, size: [1, 2], levels: btoa("\xff\x00") },
};

it("reads frames, shares and the map", () => {
  const reading = parseMemoryReading(answer);
  expect(reading.frames).toEqual([{ sequence: 70, ageS: 3, share: 0.25, area: 0.02, hasPicture: true }]);
  expect(reading.hasMaps).toBe(true);
  expect(reading.map).toEqual({ sequence: 70, width: 2, height: 1, levels: Uint8Array.of(255, 0) });
});

it("reads an empty memory and a missing map", () => {
  const reading = parseMemoryReading({ ...answer, frames: [], has_maps: false, map: null });
  expect(reading).toEqual({ sequence: 100, frames: [], hasMaps: false, map: null });
});

it("refuses a map that does not fill its size", () => {
  const broken = { ...answer, map: { ...answer.map, size: [2, 2] } };
  expect(() => parseMemoryReading(broken)).toThrow(MessageError);
});

it("is yellow where the network looks more than evenly, blue where less, clear where evenly", () => {
  const pixels = [...mapPixels({ sequence: 1, width: 3, height: 1, levels: Uint8Array.of(255, 128, 64) })];
  expect(pixels.slice(0, 4)).toEqual([255, 225, 77, 200]);
  expect(pixels[7]).toBe(0);
  expect(pixels.slice(8)).toEqual([40, 90, 255, 200]);
});
