import { beforeEach, describe, expect, it } from "vitest";
import { PictureSizes } from "./pictureSizes";

const LARGE = { width: 640, height: 480 };
const SMALL = { width: 320, height: 240 };
const WIDE = { width: 640, height: 360 };

describe("PictureSizes", () => {
  let sizes: PictureSizes;
  beforeEach(() => {
    sizes = new PictureSizes();
    sizes.tell(1000, LARGE);
    sizes.noteShown(2000, LARGE);
    sizes.tell(5000, SMALL);
  });

  it("takes a picture of the size before for spoiled, from the time of the change on", () => {
    expect(sizes.isSpoiled(4990, LARGE)).toBe(false);
    expect(sizes.isSpoiled(5000, LARGE)).toBe(true);
    expect(sizes.isSpoiled(5000, SMALL)).toBe(false);
  });

  it("allows the tick that rounding costs, and the pixel that coding cuts off an odd side", () => {
    expect(sizes.isSpoiled(4999, LARGE)).toBe(true);
    expect(sizes.isSpoiled(4999, { width: 321, height: 239 })).toBe(false);
  });

  it("never doubts a size that nobody told of, or that is told of later", () => {
    expect(sizes.isSpoiled(6000, WIDE)).toBe(false);
    sizes.tell(7000, WIDE);
    expect(sizes.isSpoiled(6000, WIDE)).toBe(false);
  });

  it("takes every size that was passed over for spoiled, until a picture bears a later one out", () => {
    sizes.tell(7000, WIDE);
    expect(sizes.isSpoiled(7100, LARGE)).toBe(true);
    expect(sizes.isSpoiled(7100, SMALL)).toBe(true);
    sizes.noteShown(7100, WIDE);
    expect(sizes.isSpoiled(7200, SMALL)).toBe(false);
  });

  it("lets a source go back to a size that it had", () => {
    sizes.noteShown(5100, SMALL);
    // The news may come after the picture.
    expect(sizes.isSpoiled(6000, LARGE)).toBe(false);
    sizes.tell(6000, LARGE);
    expect(sizes.isSpoiled(6000, LARGE)).toBe(false);
    expect(sizes.isSpoiled(6000, SMALL)).toBe(true);
  });

  it("knows its way over the wrap of 32 bits", () => {
    sizes = new PictureSizes();
    sizes.tell(2 ** 32 - 20_000, LARGE);
    sizes.noteShown(2 ** 32 - 10_000, LARGE);
    sizes.tell(2 ** 32 + 100, SMALL);
    expect(sizes.isSpoiled(2 ** 32 - 1, LARGE)).toBe(false);
    expect(sizes.isSpoiled(200, LARGE)).toBe(true);
  });

  it("believes the present size however long ago it was told", () => {
    sizes.noteShown(5100, SMALL);
    const later = (5000 + 2 ** 31 + 5) % 2 ** 32;
    sizes.noteShown(later, SMALL);
    sizes.tell(later + 100, LARGE);
    expect(sizes.isSpoiled(later + 100, SMALL)).toBe(true);
  });

  it("hides nothing by what no picture has borne out yet", () => {
    sizes.doubt();
    expect(sizes.isSpoiled(6000, LARGE)).toBe(false);
    sizes.tell(7000, WIDE);
    expect(sizes.isSpoiled(7100, SMALL)).toBe(false);
    sizes.noteShown(7200, WIDE);
    sizes.tell(8000, LARGE);
    expect(sizes.isSpoiled(8100, WIDE)).toBe(true);
  });

  it("is told the same again after a reconnection, which changes nothing", () => {
    sizes.tell(5000, SMALL);
    sizes.noteShown(5100, SMALL);
    expect(sizes.isSpoiled(5200, LARGE)).toBe(false);
    expect(sizes.isSpoiled(5200, SMALL)).toBe(false);
  });

  it("stays bounded, and right of the newest size, over any number of changes", () => {
    for (let place = 0; place < 100; place++) sizes.tell(6000 + place * 1000, place % 2 === 0 ? WIDE : SMALL);
    expect(sizes.isSpoiled(200_000, LARGE)).toBe(true);
    expect(sizes.isSpoiled(200_000, SMALL)).toBe(false);
  });
});
