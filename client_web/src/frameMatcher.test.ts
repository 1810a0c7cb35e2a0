import { beforeEach, describe, expect, it } from "vitest";
import { MASK_AGE_LIMIT_MS } from "./aiWatch";
import { FrameMatcher, MAX_HELD_FRAMES, SPOILED_LIMIT_MS, type Picture } from "./frameMatcher";
import { FakeTime } from "./testing/fakeTime";

const FRAME_MS = 40;
const FRAME_TICKS = 3600;

const NONE = { no_origin: 0, ai_inactive: 0, too_old: 0, not_arrived: 0 };

class FakeFrame {
  closed = 0;
  constructor(
    readonly index: number,
    readonly width = 640,
    readonly height = 480,
  ) {}
  close(): void {
    this.closed++;
  }
}

type Shown = Picture<FakeFrame, string>;

/** Drives a matcher as a source of 25 frames a second would. */
class Bench {
  readonly time = new FakeTime();
  readonly matcher = new FrameMatcher<FakeFrame, string>(this.time);
  readonly frames: FakeFrame[] = [];
  readonly shown: Shown[] = [];
  private readonly startedAt = this.time.now();

  constructor(
    readonly origin = 0xffff0000,
    readonly firstPts = 2 ** 32 - 5 * FRAME_TICKS,
  ) {
    this.matcher.setOrigin(origin);
    this.matcher.setMasksAllowed(true);
  }

  pts(index: number): number {
    return this.firstPts + index * FRAME_TICKS;
  }

  frame(index: number, width?: number, height?: number): FakeFrame {
    const frame = new FakeFrame(index, width, height);
    this.frames.push(frame);
    this.matcher.pushFrame(frame, (this.pts(index) + this.origin) % 2 ** 32);
    this.tick();
    return frame;
  }

  mask(index: number, ageMs = 60, tickError = 0): void {
    this.matcher.pushMask(`mask ${index}`, this.pts(index) + tickError, ageMs);
    this.tick();
  }

  tick(): void {
    const picture = this.matcher.tick();
    if (picture !== null) this.shown.push(picture);
  }

  /** Move on to a time after the start, waking the matcher whenever it asks for it. */
  until(atMs: number): void {
    const end = this.startedAt + atMs;
    for (;;) {
      const due = this.matcher.nextDueAt();
      if (due === null || due > end) break;
      this.time.advance(Math.max(0.5, due - this.time.now()));
      this.tick();
    }
    this.time.advance(Math.max(0, end - this.time.now()));
    this.tick();
  }

  /** Frames in time, each mask `latencyMs` after its frame; `skip` names masks that never come. */
  play(count: number, latencyMs: number, skip: (index: number) => boolean = () => false, from = 0): void {
    const events: { at: number; run: () => void }[] = [];
    for (let i = from; i < from + count; i++) {
      events.push({ at: FRAME_MS * i, run: () => this.frame(i) });
      if (!skip(i)) events.push({ at: FRAME_MS * i + latencyMs, run: () => this.mask(i, latencyMs) });
    }
    for (const event of events.sort((a, b) => a.at - b.at)) {
      this.until(event.at);
      event.run();
    }
    this.until(FRAME_MS * (from + count) + 300);
  }

  /** Last picture shown of every frame. */
  finals(): Map<number, Shown> {
    const finals = new Map<number, Shown>();
    for (const picture of this.shown) finals.set(picture.frame.index, picture);
    return finals;
  }

  get open(): FakeFrame[] {
    return this.frames.filter((frame) => frame.closed === 0);
  }
}

describe("FrameMatcher, exact mode", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  // hazard H1
  it("shows every mask on its own frame, over the wrap of both clocks", () => {
    bench.play(100, 70);
    const masked = bench.shown.filter((picture) => picture.mask !== null);
    for (const picture of masked) expect(picture.mask).toBe(`mask ${picture.frame.index}`);
    const steady = [...bench.shown].filter((picture) => picture.isNewFrame && picture.frame.index >= 20);
    expect(steady).toHaveLength(80);
    for (const picture of steady) expect(picture.mask).not.toBeNull();
  });

  it("draws in order and paced by the timestamps", () => {
    const times: number[] = [];
    const tick = bench.tick.bind(bench);
    bench.tick = () => {
      const before = bench.shown.length;
      tick();
      if (bench.shown.length > before && bench.shown.at(-1)!.isNewFrame) times.push(bench.time.now());
    };
    bench.play(100, 70);
    const gaps = times.slice(41).map((at, i) => at - times[40 + i]!);
    expect(Math.min(...gaps)).toBeGreaterThan(FRAME_MS - 2);
    expect(Math.max(...gaps)).toBeLessThan(FRAME_MS + 2);
    const order = bench.shown.map((picture) => picture.frame.index);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("keeps pictures back no longer than masks need", () => {
    bench.play(150, 70);
    const held = bench.shown.filter((picture) => picture.isNewFrame && picture.frame.index > 50);
    for (const picture of held) {
      expect(picture.heldMs).toBeGreaterThanOrEqual(70);
      expect(picture.heldMs).toBeLessThan(90);
    }
  });

  it("shows a frame whose mask never comes, without one, and on time", () => {
    bench.play(60, 70, (index) => index === 40);
    const without = [...bench.finals().values()].filter((picture) => picture.mask === null && picture.frame.index > 20);
    const last = bench.shown.at(-1)!.frame.index;
    expect(without.map((picture) => picture.frame.index)).toEqual([40, last]); // the last one has expired
    expect(bench.matcher.counters.droppedFrames).toBe(0);
  });

  it("counts a mask whose frame has left the screen as late and never draws it", () => {
    bench.frame(0);
    bench.until(40);
    bench.frame(1);
    bench.mask(0);
    expect(bench.matcher.counters.lateMasks).toBe(1);
    expect(bench.shown.every((picture) => picture.mask === null)).toBe(true);
  });

  it("adds the mask to the frame still on the screen", () => {
    bench.frame(0);
    bench.until(30);
    bench.mask(0, 30);
    expect(bench.shown.map((picture) => [picture.isNewFrame, picture.mask])).toEqual([
      [true, null],
      [false, "mask 0"],
    ]);
    expect(bench.matcher.counters.framesWithMask).toBe(1);
    expect(bench.matcher.counters.lateMasks).toBe(0);
  });

  it.each([
    ["not_arrived", (): void => undefined],
    ["too_old", (): void => bench.mask(0, MASK_AGE_LIMIT_MS + 1)],
    ["ai_inactive", (): void => bench.matcher.setMasksAllowed(false)],
  ] as const)("counts a frame that left without its mask as %s", (cause, happen) => {
    bench.frame(0);
    happen();
    bench.until(FRAME_MS);
    bench.frame(1);
    bench.until(2 * FRAME_MS);
    expect(bench.matcher.counters.unmasked).toEqual({ ...NONE, [cause]: 1 });
  });

  it("counts a frame that left before the origin was known", () => {
    const matcher = new FrameMatcher<FakeFrame, string>(bench.time);
    matcher.setMasksAllowed(true);
    for (const index of [0, 1]) {
      matcher.pushFrame(new FakeFrame(index), index * FRAME_TICKS);
      bench.time.advance(FRAME_MS);
      matcher.tick();
    }
    expect(matcher.counters.unmasked).toEqual({ ...NONE, no_origin: 1 });
  });

  it("uses a mask that came before its frame", () => {
    bench.mask(0, 20);
    bench.frame(0);
    expect(bench.shown[0]).toMatchObject({ mask: "mask 0", isNewFrame: true });
  });

  it.each([-2, 2])("allows a timestamp %d ticks off", (error) => {
    bench.mask(0, 20, error);
    bench.frame(0);
    expect(bench.shown[0]!.mask).toBe("mask 0");
  });

  // hazard H1
  it.each([-3, 3, FRAME_TICKS])("refuses a mask %d ticks off", (error) => {
    bench.mask(0, 20, error);
    bench.frame(0);
    expect(bench.shown[0]!.mask).toBeNull();
  });

  // hazard H1
  it("draws no mask while the origin is unknown", () => {
    const matcher = new FrameMatcher<FakeFrame, string>(bench.time);
    matcher.setMasksAllowed(true);
    matcher.pushMask("mask 0", 0, 10);
    matcher.pushFrame(new FakeFrame(0), 12345);
    expect(matcher.tick()).toMatchObject({ mask: null });
    matcher.setOrigin(12345);
    expect(matcher.tick()).toMatchObject({ mask: "mask 0", isNewFrame: false });
  });

  it("puts reordered frames back in order and drops those overtaken", () => {
    bench.play(50, 70);
    bench.shown.length = 0;
    const base = 50 * FRAME_MS + 300;
    bench.until(base);
    const before = bench.matcher.counters.droppedFrames;
    bench.frame(58);
    bench.frame(57);
    expect(bench.frame(45).closed).toBe(1);
    bench.until(base + 500);
    expect(bench.matcher.counters.droppedFrames).toBeGreaterThan(before);
    const order = bench.shown.filter((picture) => picture.isNewFrame).map((picture) => picture.frame.index);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order.at(-1)).toBe(58);
  });

  it("erases a mask when its picture grows older than the limit", () => {
    bench.mask(0, 20);
    bench.frame(0);
    bench.until(MASK_AGE_LIMIT_MS - 21);
    expect(bench.shown).toHaveLength(1);
    bench.until(MASK_AGE_LIMIT_MS + 5);
    expect(bench.shown.at(-1)).toMatchObject({ mask: null, maskAgeMs: null, isNewFrame: false });
  });

  // hazard H2
  it("never draws a mask that arrives older than the limit", () => {
    bench.frame(0);
    bench.mask(0, MASK_AGE_LIMIT_MS + 1);
    expect(bench.shown.every((picture) => picture.mask === null)).toBe(true);
  });

  // hazard H2
  it("measures age by this browser's clock too, whatever the server claims", () => {
    bench.frame(0);
    bench.until(MASK_AGE_LIMIT_MS + 1);
    bench.mask(0, 0);
    expect(bench.shown.every((picture) => picture.mask === null)).toBe(true);
  });

  it("hides the mask as soon as masks are not allowed, and keeps the picture", () => {
    bench.mask(0, 20);
    bench.frame(0);
    bench.matcher.setMasksAllowed(false);
    bench.tick();
    expect(bench.shown.at(-1)).toMatchObject({ mask: null, isNewFrame: false });
    bench.until(FRAME_MS);
    bench.mask(1, 20);
    bench.frame(1);
    bench.until(200);
    expect(bench.finals().get(1)!.mask).toBeNull();
  });

  it("holds at most its share of the decoder's frames and closes each once", () => {
    bench.play(60, 240);
    expect(Math.max(bench.open.length, 0)).toBe(1); // the one on the screen
    for (let index = 70; index < 100; index++) {
      bench.frame(index);
      expect(bench.open.length).toBeLessThanOrEqual(MAX_HELD_FRAMES + 1);
    }
    bench.matcher.reset();
    expect(bench.frames.every((frame) => frame.closed === 1)).toBe(true);
  });

  it("shows only the newest of several frames that are due together", () => {
    bench.frame(0);
    for (const index of [1, 2, 3]) bench.matcher.pushFrame(new FakeFrame(index), (bench.pts(index) + bench.origin) % 2 ** 32);
    bench.time.advance(500);
    bench.tick();
    expect(bench.shown.map((picture) => picture.frame.index)).toEqual([0, 3]);
    expect(bench.matcher.counters.droppedFrames).toBe(2);
  });

  it("goes on when the timestamps jump backwards", () => {
    bench.play(30, 70);
    bench.until(30 * FRAME_MS + 400);
    bench.shown.length = 0;
    for (const index of [-9000, -8999, -8998]) {
      bench.frame(index);
      bench.time.advance(FRAME_MS);
      bench.tick();
    }
    bench.until(40 * FRAME_MS + 600);
    expect(bench.shown.filter((picture) => picture.isNewFrame).map((picture) => picture.frame.index)).toContain(-8998);
  });

  it("forgets origin, masks and pictures with the connection", () => {
    bench.mask(0, 20);
    const frame = bench.frame(0);
    bench.matcher.reset();
    expect(frame.closed).toBe(1);
    expect(bench.matcher.hasOrigin).toBe(false);
    bench.matcher.setOrigin(bench.origin);
    bench.frame(0);
    expect(bench.shown.at(-1)!.mask).toBeNull();
  });
});

describe("FrameMatcher, live mode", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
    bench.matcher.setMode("live");
  });

  it("shows each frame at once with the newest mask and its age", () => {
    bench.play(50, 70);
    const steady = bench.shown.filter((picture) => picture.isNewFrame && picture.frame.index > 5);
    for (const picture of steady) {
      expect(picture.heldMs).toBe(0);
      expect(picture.mask).toBe(`mask ${picture.frame.index - 2}`);
      expect(picture.maskAgeMs).toBeCloseTo(80);
    }
    expect(bench.matcher.holdMs).toBe(0);
    expect(bench.matcher.counters.lateMasks).toBe(0);
  });

  it("needs no origin", () => {
    const matcher = new FrameMatcher<FakeFrame, string>(bench.time);
    matcher.setMode("live");
    matcher.setMasksAllowed(true);
    matcher.pushMask("mask", 0, 30);
    matcher.pushFrame(new FakeFrame(0), 99);
    expect(matcher.tick()).toMatchObject({ mask: "mask", maskAgeMs: 30 });
  });

  // hazard H2
  it("never shows a mask older than the limit, also when the video stands still", () => {
    bench.mask(0, 100);
    bench.frame(3);
    expect(bench.shown.at(-1)!.mask).toBe("mask 0");
    bench.until(149);
    expect(bench.shown.at(-1)!.mask).toBe("mask 0");
    bench.until(155);
    expect(bench.shown.at(-1)).toMatchObject({ mask: null, isNewFrame: false });
  });

  it("lets every held frame go when it is switched on", () => {
    const exact = new Bench();
    exact.play(50, 200);
    for (const index of [60, 61, 62]) exact.frame(index);
    exact.matcher.setMode("live");
    exact.tick();
    expect(exact.shown.at(-1)!.frame.index).toBe(62);
    expect(exact.open).toHaveLength(1);
  });
});

describe("FrameMatcher, where the picture's size changes", () => {
  const CHANGE = 20;

  /** A source whose pictures are 320 x 240 from CHANGE on; `decoded` says at which width each one comes out. */
  function playChange(bench: Bench, decoded: (index: number) => number, count = 60): void {
    bench.matcher.tellSize(bench.pts(0), { width: 640, height: 480 });
    for (let index = 0; index < count; index++) {
      bench.until(FRAME_MS * index);
      if (index === CHANGE) bench.matcher.tellSize(bench.pts(CHANGE), { width: 320, height: 240 });
      const width = decoded(index);
      bench.frame(index, width, (width * 3) / 4);
    }
    bench.until(FRAME_MS * count + 300);
  }

  const shownIndices = (bench: Bench): number[] =>
    bench.shown.filter((picture) => picture.isNewFrame).map((picture) => picture.frame.index);

  // hazard H18
  it.each(["exact", "live"] as const)("keeps the last good picture while spoiled ones come, in %s mode", (mode) => {
    const bench = new Bench();
    bench.matcher.setMode(mode);
    playChange(bench, (index) => (index < CHANGE + 10 ? 640 : 320));
    const spoiled = Array.from({ length: 10 }, (_, place) => CHANGE + place);
    expect(shownIndices(bench)).toEqual([...Array(60).keys()].filter((index) => !spoiled.includes(index)));
    expect(bench.matcher.counters).toMatchObject({ spoiledFrames: 10, doubtedSizes: 0, droppedFrames: 0 });
    expect(spoiled.every((index) => bench.frames[index]!.closed === 1)).toBe(true);
    expect(bench.open).toHaveLength(1);
  });

  it("takes pictures out of those that wait when the news of the change comes", () => {
    const bench = new Bench();
    bench.matcher.tellSize(bench.pts(0), { width: 640, height: 480 });
    bench.play(20, 100);
    const start = 20 * FRAME_MS + 300;
    bench.until(start);
    for (const index of [28, 29, 30]) bench.frame(index);
    const shown = shownIndices(bench).length;
    bench.matcher.tellSize(bench.pts(29), { width: 320, height: 240 });
    bench.until(start + 500);
    expect(shownIndices(bench).slice(shown)).toEqual([28]);
    expect(bench.matcher.counters.spoiledFrames).toBe(2);
  });

  it("shows them again when no others come, and believes in no size until a picture bears it out", () => {
    const bench = new Bench();
    playChange(bench, () => 640, 100);
    const { spoiledFrames, doubtedSizes } = bench.matcher.counters;
    expect(doubtedSizes).toBe(1);
    expect(spoiledFrames * FRAME_MS).toBeGreaterThan(SPOILED_LIMIT_MS - 2 * FRAME_MS);
    expect(spoiledFrames * FRAME_MS).toBeLessThan(SPOILED_LIMIT_MS + 2 * FRAME_MS);
    expect(shownIndices(bench).at(-1)).toBe(99);
    expect(shownIndices(bench)).toHaveLength(100 - spoiledFrames);
  });

  it("shows every picture whose size nobody told of", () => {
    const bench = new Bench();
    playChange(bench, (index) => (index < CHANGE ? 640 : 800));
    expect(shownIndices(bench)).toHaveLength(60);
    expect(bench.matcher.counters.spoiledFrames).toBe(0);
  });

  it("knows nothing of a new connection's pictures", () => {
    const bench = new Bench();
    playChange(bench, (index) => (index < CHANGE ? 640 : 320));
    bench.matcher.reset();
    bench.matcher.setOrigin(bench.origin);
    bench.frame(61);
    bench.until(62 * FRAME_MS + 300);
    expect(shownIndices(bench).at(-1)).toBe(61);
  });
});
