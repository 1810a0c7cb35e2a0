import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeDecoder, FakeFilm, FRAME, type FakeFrame } from "../testing/fakeFilm";
import { FilmPlayer } from "./filmPlayer";
import type { FilmLibrary } from "./filmLibrary";
import type { StreamedFrame } from "./frameStream";

describe("FilmPlayer", () => {
  let film: FakeFilm;
  let library: FilmLibrary;
  let player: FilmPlayer<FakeFrame>;
  let now: number;
  let shown: number[];
  let troubles: unknown[];
  let last: StreamedFrame<FakeFrame> | null;

  const settle = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  };
  const numbers = (): number[] => shown.map((pts) => pts / FRAME);

  function start(made: FakeFilm): void {
    film = made;
    library = made.library();
    player = new FilmPlayer<FakeFrame>({
      library,
      createDecoder: () => new FakeDecoder(),
      clock: { now: () => now },
      onFrame: (frame) => {
        last?.image.close();
        last = frame;
        shown.push(frame.pts);
      },
      onChange: () => undefined,
      onTrouble: (error) => troubles.push(error),
    });
    player.notePart();
  }

  /** The screen's pictures over so many milliseconds. */
  async function screen(ms: number): Promise<void> {
    for (const end = now + ms; now < end; now += 20) {
      player.tick();
      await settle();
    }
  }

  beforeEach(() => {
    now = 1000;
    shown = [];
    troubles = [];
    last = null;
    FakeDecoder.open.clear();
  });

  afterEach(() => {
    player.dispose();
    last?.image.close();
    expect([...FakeDecoder.open], "every picture is closed by somebody").toEqual([]);
  });

  it("begins with the first picture", async () => {
    start(new FakeFilm(3, 10));
    await settle();
    expect(numbers()).toEqual([0]);
    expect(player.isSeeking).toBe(false);
  });

  it("shows exactly the picture of the time that is asked for, whichever was shown before", async () => {
    start(new FakeFilm(4, 10));
    await settle();
    for (const number of [25, 3, 39, 0, 10, 9, 26, 26, 27]) {
      player.seek(number * FRAME + 100);
      await settle();
      expect(shown.at(-1)).toBe(number * FRAME);
    }
  });

  it("shows the last picture for a time beyond the end", async () => {
    start(new FakeFilm(2, 10));
    player.seek(99 * FRAME);
    await settle();
    expect(numbers().at(-1)).toBe(19);
  });

  it("takes the newest of several wishes", async () => {
    start(new FakeFilm(4, 10));
    await settle();
    shown = [];
    for (const number of [5, 15, 25, 35, 12]) player.seek(number * FRAME);
    await settle();
    await settle();
    expect(numbers().at(-1)).toBe(12);
    expect(numbers().length).toBeLessThanOrEqual(2);
  });

  it("steps picture by picture, over the borders of parts and back", async () => {
    start(new FakeFilm(3, 10));
    await settle();
    player.seek(8 * FRAME);
    await settle();
    shown = [];
    for (const direction of [1, 1, 1, -1, -1, -1] as const) {
      player.step(direction);
      await settle();
    }
    expect(numbers()).toEqual([9, 10, 11, 10, 9, 8]);
  });

  it("stays at both ends when it is to step beyond them", async () => {
    start(new FakeFilm(1, 3));
    await settle();
    player.step(-1);
    await settle();
    expect(player.position).toBe(0);
    player.seek(2 * FRAME);
    player.step(1);
    await settle();
    expect(player.position).toBe(2 * FRAME);
  });

  it("plays every picture once, in order and in time, and stops at the end", async () => {
    start(new FakeFilm(3, 10));
    await settle();
    player.play();
    await screen(400);
    expect(numbers()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await screen(1200);
    expect(numbers()).toEqual(Array.from({ length: 30 }, (_, number) => number));
    expect(player.isPlaying).toBe(false);
    player.play();
    await settle();
    expect(numbers().at(-1)).toBe(0);
    expect(player.isPlaying).toBe(true);
  });

  it("plays at half and at twice the pace", async () => {
    start(new FakeFilm(10, 10));
    await settle();
    player.setRate(0.5);
    player.play();
    await screen(800);
    expect(Math.abs(player.position / FRAME - 10)).toBeLessThanOrEqual(1);
    player.setRate(2);
    await screen(400);
    expect(Math.abs(player.position / FRAME - 30)).toBeLessThanOrEqual(2);
  });

  it("does not hurry after the decoder was held up", async () => {
    start(new FakeFilm(10, 10));
    await settle();
    player.play();
    await screen(200);
    const before = player.position / FRAME;
    now += 5000;
    await screen(100);
    expect(player.position / FRAME - before).toBeLessThan(12);
  });

  it("asks again for a part until it comes, and says why it waits", async () => {
    const made = new FakeFilm(2, 10);
    made.failures = 2;
    start(made);
    await settle();
    await settle();
    expect(numbers()).toEqual([0]);
    expect(troubles.length).toBe(2);
    expect(film.asked.slice(0, 3)).toEqual([0, 0, 0]);
  });

  it("waits for what is not there yet of a film", async () => {
    start(new FakeFilm(3, 10));
    library.setParts(0, film.spans.slice(0, 1), false);
    await settle();
    player.play();
    await screen(700);
    expect(player.position / FRAME).toBe(9);
    expect(player.isPlaying).toBe(true);
    library.setParts(1, film.spans.slice(1), true);
    player.notePart();
    await screen(200);
    expect(player.position / FRAME).toBeGreaterThan(10);
  });

  it("goes on where it was when the film is fetched anew", async () => {
    start(new FakeFilm(3, 10));
    player.seek(17 * FRAME);
    await settle();
    library.rebind("r2");
    player.reopen();
    await settle();
    shown = [];
    library.setParts(0, film.spans, true);
    player.notePart();
    await settle();
    expect(numbers()).toEqual([17]);
  });
});
