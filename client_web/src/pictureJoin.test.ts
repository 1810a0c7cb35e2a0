import { beforeEach, describe, expect, it } from "vitest";
import { isSamePicture, PictureJoin } from "./pictureJoin";

class FakePicture {
  closed = 0;
  constructor(readonly timestamp: number) {}
  close(): void {
    this.closed++;
  }
}

const FRAME_US = 16_667;
const picture = (index: number): FakePicture => new FakePicture(index * FRAME_US);
const seconds = (index: number): number => (index * FRAME_US) / 1e6;
const rtp = (index: number): number => 1000 + index;

describe("PictureJoin", () => {
  let join: PictureJoin<FakePicture>;
  beforeEach(() => {
    join = new PictureJoin();
  });

  it("gives a picture with what its callback tells", () => {
    const shown = picture(1);
    expect(join.add(shown, seconds(1), rtp(1))).toEqual([[shown, rtp(1)]]);
    expect(shown.closed).toBe(0);
  });

  it("keeps a picture that comes before its callback and never takes it for the one before", () => {
    const next = picture(2);
    expect(join.add(next, seconds(1), rtp(1))).toEqual([]);
    const after = picture(3);
    expect(join.add(after, seconds(2), rtp(2))).toEqual([[next, rtp(2)]]);
    expect(join.add(null, seconds(3), rtp(3))).toEqual([[after, rtp(3)]]);
  });

  it("gives each picture once", () => {
    join.add(picture(1), seconds(1), rtp(1));
    expect(join.add(picture(1), seconds(2), rtp(2))).toEqual([]);
  });

  it("believes no time that is told of two pictures, nor the time 0", () => {
    for (const index of [1, 2, 3]) expect(join.add(new FakePicture(0), 0, rtp(index))).toEqual([]);
    expect(join.add(picture(4), seconds(4), rtp(4))).toHaveLength(1);
    expect(join.add(picture(4), seconds(4), rtp(5))).toEqual([]);
  });

  it("closes what it does not give", () => {
    const pictures = [1, 2, 3, 4].map((index) => picture(10 * index));
    for (const [index, shown] of pictures.entries()) join.add(shown, seconds(index + 1), rtp(index));
    const double = picture(40);
    join.add(double, seconds(5), rtp(5));
    join.close();
    expect([...pictures, double].map(({ closed }) => closed)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe("isSamePicture", () => {
  it("knows a picture by its media time, told in other units", () => {
    expect(isSamePicture(123_456_789, 123.456789)).toBe(true);
    expect(isSamePicture(123_456_789, 123.4567885)).toBe(true);
  });

  it("refuses the picture after the one it was told of, at any frame rate", () => {
    for (const fps of [25, 60, 240, 1000]) expect(isSamePicture(1e6 + 1e6 / fps, 1)).toBe(false);
  });
});
