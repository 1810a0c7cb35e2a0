import { describe, expect, it } from "vitest";
import { FakeFilm, FRAME, encodePart } from "../testing/fakeFilm";

describe("FilmLibrary", () => {
  it("knows no mask before the part is fetched, and each picture's own afterwards", async () => {
    const film = new FakeFilm(2, 10);
    const library = film.library();
    expect(library.maskOf(FRAME)).toBeNull();
    await library.load(0);
    expect(library.maskOf(FRAME)).not.toBeNull();
    expect(library.maskOf(FRAME)).toBe(library.maskOf(FRAME));
    expect(library.maskOf(FRAME + 1)).toBeNull();
    expect(library.maskOf(10 * FRAME)).toBeNull();
  });

  it("gives no mask to pictures that share their time", async () => {
    const film = new FakeFilm(1, 10);
    film.part = () => Promise.resolve(encodePart([0, 3600, 3600, 7200].map((pts) => ({ pts, canStart: pts === 0 }))));
    const library = film.library();
    await library.load(0);
    expect(library.maskOf(3600)).toBeNull();
    expect(library.maskOf(7200)).not.toBeNull();
  });

  it("takes masks that are computed later", async () => {
    const film = new FakeFilm(1, 10);
    film.computedTo = 5 * FRAME;
    const library = film.library();
    await library.load(0);
    const early = library.maskOf(FRAME);
    expect(library.maskOf(7 * FRAME)).toBeNull();
    film.computedTo = 8 * FRAME;
    expect(await library.refreshMasks(0)).toBe(true);
    expect(library.maskOf(7 * FRAME)).not.toBeNull();
    expect(library.maskOf(FRAME)).toBe(early);
    film.computedTo = Infinity;
    await library.refreshMasks(0);
    expect(await library.refreshMasks(0)).toBe(false);
  });

  it("fetches a part once, however often it is wanted", async () => {
    const film = new FakeFilm(2, 10);
    const library = film.library();
    await Promise.all([library.load(1), library.load(1)]);
    await library.load(1);
    expect(film.asked).toEqual([1]);
  });

  it("believes nothing of the review that was before", async () => {
    const film = new FakeFilm(2, 10);
    const library = film.library();
    const fetching = library.load(0);
    library.rebind("r2");
    expect(await fetching).toBeNull();
    expect(library.parts).toEqual([]);
    expect(library.maskOf(0)).toBeNull();
  });

  it("finds the part of a time, the nearest one beyond the ends", () => {
    const library = new FakeFilm(3, 10).library();
    expect([0, 10 * FRAME - 1, 10 * FRAME, 29 * FRAME, 99 * FRAME].map((pts) => library.partAt(pts))).toEqual([0, 0, 1, 2, 2]);
  });
});
