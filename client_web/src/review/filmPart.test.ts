import { expect, it } from "vitest";
import { MessageError } from "../errors";
import { encodePart } from "../testing/fakeFilm";
import { microsecondsToPts, parseFilmPart, ptsToMicroseconds, timeAt } from "./filmPart";

it("reads pictures in decoding order and their times in order of presentation", () => {
  const part = parseFilmPart(
    encodePart([
      { pts: 0, canStart: true },
      { pts: 7200, canStart: false },
      { pts: 3600, canStart: false },
    ]),
  );
  expect(part.pictures.map(({ pts }) => pts)).toEqual([0, 7200, 3600]);
  expect(part.pictures.map(({ bytes }) => [...bytes])).toEqual([[0], [1], [2]]);
  expect(part.times).toEqual([0, 3600, 7200]);
});

it("knows times that two pictures share", () => {
  const pictures = [0, 3600, 3600].map((pts) => ({ pts, canStart: pts === 0 }));
  const part = parseFilmPart(encodePart(pictures));
  expect(part.times).toEqual([0, 3600]);
  expect([...part.ambiguous]).toEqual([3600]);
});

it("refuses what is cut off, and what cannot be decoded by itself", () => {
  const whole = encodePart([{ pts: 0, canStart: true }]);
  for (const length of [1, 15, 16]) expect(() => parseFilmPart(whole.slice(0, length))).toThrow(MessageError);
  expect(() => parseFilmPart(new ArrayBuffer(0))).toThrow(MessageError);
  expect(() => parseFilmPart(encodePart([{ pts: 0, canStart: false }]))).toThrow(MessageError);
});

it("carries every time through a decoder's microseconds and back", () => {
  for (let pts = 0; pts < 2000; pts++) expect(microsecondsToPts(ptsToMicroseconds(pts))).toBe(pts);
  for (let pts = 6 * 3600 * 90_000; pts < 6 * 3600 * 90_000 + 2000; pts++) {
    expect(microsecondsToPts(ptsToMicroseconds(pts))).toBe(pts);
  }
});

it("finds the picture that is shown at a time", () => {
  const times = [3600, 7200, 10800];
  expect([0, 3600, 7199, 7200, 99999].map((pts) => timeAt(times, pts))).toEqual([3600, 3600, 3600, 7200, 10800]);
  expect(timeAt([], 0)).toBeNull();
});
