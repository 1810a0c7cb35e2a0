import { beforeEach, describe, expect, it, vi } from "vitest";
import { MaskSocket } from "./maskSocket";
import type { OverlayStats } from "./overlayProtocol";
import type { Drawable, Overlay } from "./overlayRenderer";
import type { Extent } from "./pictureGeometry";
import { OverlaySession, type SessionFrame } from "./overlaySession";
import { FakeServer } from "./testing/fakeSocket";
import { FakeTime } from "./testing/fakeTime";
import { maskJson, stateJson } from "./testing/messageSamples";
import { initialSettings, toggleMode } from "./viewSettings";

const ORIGIN = 4_000_000_000;
const FRAME_TICKS = 3600;

interface Painted {
  readonly at: number;
  readonly overlay: Overlay | null;
}

/** One session on fake time, with a fake server and a canvas that only remembers. */
class Room {
  readonly time = new FakeTime();
  /** How far the time of day is ahead of the clock. */
  aheadMs = 1_000_000;
  displays: Extent[] = [];
  readonly server = new FakeServer();
  readonly painted: Painted[] = [];
  readonly reportTimes: { readonly at: number; readonly stats: OverlayStats }[] = [];
  cleared = 0;
  readonly session = new OverlaySession({
    clock: this.time,
    timeOfDay: { now: () => this.time.now() + this.aheadMs },
    timers: this.time,
    painter: {
      draw: (_picture: Drawable, overlay: Overlay | null) => this.painted.push({ at: this.time.now(), overlay }),
      clear: () => this.cleared++,
      setDisplay: (display: Extent) => this.displays.push(display),
    },
    settings: initialSettings,
    report: (stats) => this.reportTimes.push({ at: this.time.now(), stats }),
  });

  constructor() {
    const policy = { nextDelayMs: () => 250 };
    const { server, time, session } = this;
    session.start(
      new MaskSocket({ url: "ws://h/", token: null, policy, listener: session, open: server.open, timers: time, clock: time }),
    );
    server.last.onopen?.();
    session.videoConnected("v1");
    server.last.receive({ type: "origin", viewer: "v1", rtp_origin: ORIGIN });
    server.last.receive(stateJson());
  }

  frame(index: number): void {
    const image = {} as CanvasImageSource;
    const frame: SessionFrame = { image, width: 640, height: 480, close: () => undefined };
    this.session.pushFrame(frame, (ORIGIN + index * FRAME_TICKS) % 2 ** 32);
  }

  mask(index: number, changes: Record<string, unknown> = {}): void {
    this.server.last.receive(maskJson({ sequence: index, pts: index * FRAME_TICKS, age_ms: 5, ...changes }));
  }

  /** Frames at 25 a second from `from` on, each with its mask at once unless `masked` is false. */
  play(count: number, masked = true, from = 0): void {
    for (let index = from; index < from + count; index++) {
      this.frame(index);
      if (masked) this.mask(index);
      this.time.advance(40);
    }
  }

  get lastStats(): OverlayStats {
    return this.reportTimes.at(-1)!.stats;
  }

  /** Is a mask on the screen now? */
  get isMasked(): boolean {
    return (this.painted.at(-1)?.overlay ?? null) !== null;
  }
}

function unmasked(room: Room): number {
  const { framesDrawn, framesWithMask } = room.lastStats.counters;
  return framesDrawn - framesWithMask;
}

describe("OverlaySession", () => {
  let room: Room;
  beforeEach(() => {
    room = new Room();
  });

  it("paints masks in source pixels on their frames and reports them", () => {
    room.play(50);
    expect(room.isMasked).toBe(true);
    const { shape } = room.painted.at(-1)!.overlay!;
    // The 2 x 2 blob in the middle of 4 x 4 covers 160..480 x 120..360 of 640 x 480.
    expect(shape.right).toBeGreaterThan(440);
    expect(shape.right).toBeLessThanOrEqual(480);
    expect(shape.top).toBeGreaterThanOrEqual(120);
    expect(room.lastStats).toMatchObject({ aiState: "active", hasOrigin: true, pictureSize: { width: 640, height: 480 } });
    expect(room.lastStats.counters.framesWithMask).toBeGreaterThan(40);
    expect(room.lastStats.maskLatencyMs).toBeLessThan(60);
  });

  // hazard H5, F5
  it("hides everything and says so when the server falls silent, while the video goes on", () => {
    room.play(25);
    const heard = room.time.now() - 40;
    for (let index = 25; room.lastStats.aiState !== "lost"; index++) {
      room.frame(index);
      room.time.advance(40);
    }
    const silenceShownAfter = room.time.now() - heard;
    expect(silenceShownAfter).toBeLessThanOrEqual(250 + 40);
    expect(room.isMasked).toBe(false);
    const before = room.painted.length;
    room.play(25, false, 60);
    expect(room.painted.length - before).toBeGreaterThanOrEqual(24);
    expect(room.painted.slice(before).every((picture) => picture.overlay === null)).toBe(true);
  });

  // hazard H3, H4, F1
  it.each(["warming", "late", "paused", "failed"])("takes the mask away at once when the AI is %s", (state) => {
    room.play(25);
    expect(room.isMasked).toBe(true);
    room.server.last.receive(stateJson({ ai_state: state, ai_reason: "because" }));
    expect(room.isMasked).toBe(false);
    expect(room.lastStats).toMatchObject({ aiState: state, aiReason: "because", maskLatencyMs: null });
  });

  // hazard H2
  it("erases the mask of a picture that stands still, within its age limit", () => {
    room.play(25);
    const drawnAt = room.time.now();
    for (let i = 0; i < 6; i++) {
      room.time.advance(50);
      room.server.last.receive(stateJson());
    }
    const erased = room.painted.find((picture) => picture.at > drawnAt && picture.overlay === null);
    expect(erased!.at - drawnAt).toBeLessThanOrEqual(250);
  });

  it("reports four times a second, and a change of state at once", () => {
    room.play(100);
    expect(room.reportTimes.length).toBeGreaterThanOrEqual(15);
    expect(room.reportTimes.length).toBeLessThanOrEqual(20);
    room.server.last.receive(stateJson({ source_state: "reconnecting", source_reason: "cable" }));
    expect(room.lastStats).toMatchObject({ sourceState: "reconnecting", sourceReason: "cable" });
  });

  it("counts down to the next attempt to connect the source", () => {
    room.play(1);
    const lost = { source_state: "reconnecting", source_reason: "no cable" };
    room.server.last.receive(stateJson({ ...lost, source_retry: { attempt: 3, in_s: 4 } }));
    expect(room.lastStats).toMatchObject({ sourceReason: "no cable", sourceRetry: { attempt: 3, in_s: 4 } });
    room.server.last.receive(stateJson({ ...lost, source_retry: { attempt: 3, in_s: 0 } }));
    expect(room.lastStats).toMatchObject({ sourceRetry: { attempt: 3, in_s: 0 } });
    room.server.last.receive(stateJson());
    expect(room.lastStats).toMatchObject({ sourceReason: "", sourceRetry: null });
  });

  it("tells what the pictures show; what it does not know is unknown", () => {
    room.play(1);
    room.server.last.receive(stateJson({ ai_state: "paused", view: "out_of_body" }));
    expect(room.lastStats).toMatchObject({ aiState: "paused", view: "out_of_body" });
    room.server.last.receive(stateJson({ view: "something new" }));
    expect(room.lastStats).toMatchObject({ aiState: "active", view: "unknown" });
  });

  // hazard H14
  it("hides the overlay on request without touching the video", () => {
    room.play(25);
    room.session.configure({ ...initialSettings, hidden: true });
    expect(room.isMasked).toBe(false);
    room.session.configure(initialSettings);
    expect(room.isMasked).toBe(true);
  });

  it("writes the age beside the mask in live mode only", () => {
    room.play(25);
    expect(room.painted.at(-1)!.overlay!.ageMs).toBeNull();
    room.session.configure(toggleMode(initialSettings));
    room.play(5, true, 25);
    expect(room.painted.at(-1)!.overlay!.ageMs).not.toBeNull();
    expect(room.lastStats.mode).toBe("live");
  });

  // hazard H16
  it.each([
    ["of another size", [240, 320], false],
    ["whose odd side coding cut off", [481, 641], true],
  ])("treats a mask of a picture %s as it deserves", (_, size, drawn) => {
    room.play(50);
    const before = unmasked(room);
    room.frame(50);
    room.mask(50, { source_size: size });
    room.time.advance(40);
    expect(room.isMasked).toBe(drawn);
    // What is not drawn is not counted as drawn either.
    room.play(10, true, 51);
    expect(unmasked(room) - before).toBe(drawn ? 0 : 1);
  });

  it("counts masks that are no masks and draws none of them", () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    room.frame(0);
    room.mask(0, { rle: { size: [4, 4], counts: "5" } });
    room.mask(1, { region: "all" });
    room.time.advance(300);
    expect(room.lastStats.badMessages).toBe(2);
    expect(room.painted.every((picture) => picture.overlay === null)).toBe(true);
    vi.restoreAllMocks();
  });

  it("tells how many of the pictures had a mask", () => {
    for (let index = 0; index < 50; index++) {
      room.frame(index);
      if (index % 5 === 0) room.mask(index);
      else room.server.last.receive(stateJson());
      room.time.advance(40);
    }
    expect(room.lastStats.framesPerSecond).toBeGreaterThanOrEqual(24);
    expect(room.lastStats.masksPerSecond).toBeGreaterThanOrEqual(4);
    expect(room.lastStats.masksPerSecond).toBeLessThanOrEqual(6);
  });

  it("ignores the origin of another viewer's connection", () => {
    room.session.videoConnected("v2");
    room.server.last.receive({ type: "origin", viewer: "v1", rtp_origin: ORIGIN });
    room.play(25);
    expect(room.lastStats.hasOrigin).toBe(false);
    expect(room.isMasked).toBe(false);
  });

  it("clears the screen when the video is lost and attaches the next connection", () => {
    room.play(10);
    room.session.videoLost();
    expect(room.cleared).toBe(1);
    room.session.videoConnected("v2");
    expect(room.server.last.sent.at(-1)).toEqual({ type: "attach", viewer: "v2" });
  });

  // hazard H5, F5
  it("comes back by itself after a restart of the server", () => {
    room.play(10);
    room.server.last.onclose?.({ code: 1012 });
    expect(room.lastStats).toMatchObject({ aiState: "lost", socketState: "waiting" });
    room.time.advance(250);
    room.server.last.onopen?.();
    room.server.last.receive({ type: "origin", viewer: "v1", rtp_origin: ORIGIN });
    room.server.last.receive(stateJson());
    room.play(10, true, 20);
    expect(room.lastStats.aiState).toBe("active");
    expect(room.isMasked).toBe(true);
  });

  // hazard H4
  it("says that the AI is late within 240 ms of the last picture with a mask", () => {
    room.play(25);
    const lastMaskedAt = room.time.now() - 40;
    for (let index = 25; index < 32; index++) {
      room.frame(index);
      room.server.last.receive(stateJson());
      room.time.advance(40);
    }
    const late = room.reportTimes.find(({ stats }) => stats.aiState === "late");
    expect(late!.at - lastMaskedAt).toBeLessThanOrEqual(40 + 200 + 1);
    expect(room.isMasked).toBe(false);
  });

  // hazard H6, F6
  it("says that a picture stands still before 300 ms are over", () => {
    room.play(25);
    const lastFrameAt = room.time.now() - 40;
    while (room.lastStats.aiState === "active" && room.time.now() - lastFrameAt < 1000) {
      room.server.last.receive(stateJson());
      room.time.advance(10);
    }
    expect(room.lastStats.aiState).toBe("paused");
    expect(room.time.now() - lastFrameAt).toBeLessThanOrEqual(270);
    expect(room.isMasked).toBe(false);
  });

  // hazard H5
  it("trusts nothing that it heard before the machine slept", () => {
    room.play(25);
    expect(room.isMasked).toBe(true);
    room.aheadMs += 3_600_000;
    room.time.advance(25);
    expect(room.isMasked).toBe(false);
    expect(room.lastStats.aiState).toBe("lost");
    room.server.last.receive(stateJson());
    room.play(5, true, 60);
    expect(room.isMasked).toBe(true);
  });

  it("does not mind the time of day being set by less than a second", () => {
    room.play(25);
    room.aheadMs -= 7_200_000;
    room.time.advance(10);
    room.aheadMs += 900;
    room.time.advance(10);
    expect(room.lastStats.aiState).toBe("active");
  });

  it("takes the mask away when it is told that the tab goes to sleep", () => {
    room.play(25);
    room.session.doubt();
    expect(room.isMasked).toBe(false);
    expect(room.lastStats.aiState).toBe("lost");
  });

  it("draws again when the canvas may fill another size", () => {
    room.play(3);
    const before = room.painted.length;
    room.session.setDisplay({ width: 1920, height: 1080 });
    expect(room.displays).toEqual([{ width: 1920, height: 1080 }]);
    expect(room.painted.length).toBe(before + 1);
  });

  it("tells of a new finding at once, and of each once", () => {
    room.play(5);
    const finding = (id: string, revision: number): void =>
      room.server.last.receive({ type: "finding", finding: { id, revision } });
    expect(room.lastStats.newFindings).toBe(0);
    finding("f1", 1);
    expect(room.lastStats.newFindings).toBe(1);
    finding("f1", 2);
    finding("f0", 300);
    expect(room.lastStats.newFindings).toBe(1);
  });

  it("counts all news of findings, those that are gone included, and reports them at once", () => {
    room.play(5);
    const before = room.reportTimes.length;
    room.server.last.receive({ type: "finding", finding: { id: "f1", revision: 1 } });
    room.server.last.receive({ type: "finding", finding: { id: "f1", revision: 2 } });
    room.server.last.receive({ type: "findings_removed", ids: ["f1"] });
    expect(room.reportTimes.slice(before).map(({ stats }) => stats.findingNews)).toEqual([1, 2, 3]);
  });

  it("tells what is on the screen with its own mask, drawn or not", () => {
    expect(room.session.present).toBeNull();
    room.session.configure({ ...initialSettings, hidden: true });
    room.play(10);
    expect(room.isMasked).toBe(false);
    const shown = room.session.present!;
    expect(shown).toMatchObject({ frame: { width: 640 }, region: [0, 0, 640, 480], aiState: "active" });
    expect(shown.mask!.pts % FRAME_TICKS).toBe(0);
    expect(shown.mask!.polyps).toHaveLength(1);
  });

  it("tells no mask of another picture in live mode, but the region around it", () => {
    room.session.configure(toggleMode(initialSettings));
    room.play(10, true);
    room.frame(10);
    expect(room.isMasked).toBe(true);
    expect(room.session.present).toMatchObject({ mask: null, region: [0, 0, 640, 480] });
  });

  // hazard H18
  it("asks for a keyframe at once, and then twice a second, while spoiled pictures come", () => {
    const size = (index: number, source_size: number[]): void =>
      room.server.last.receive({ type: "size", pts: index * FRAME_TICKS, source_size });
    size(0, [480, 640]);
    room.play(10);
    expect(room.server.last.sent).not.toContainEqual({ type: "repair", viewer: "v1" });
    size(10, [240, 320]);
    const { framesDrawn } = room.lastStats.counters;
    room.play(1, false, 10);
    const asked = (): number => room.server.last.sent.filter((sent) => (sent as { type: string }).type === "repair").length;
    expect(asked()).toBe(1);
    expect(room.server.last.sent).toContainEqual({ type: "repair", viewer: "v1" });
    room.play(30, false, 11);
    expect(asked()).toBe(3);
    expect(room.lastStats.counters.framesDrawn - framesDrawn).toBeLessThanOrEqual(3);
    expect(room.lastStats.counters.spoiledFrames).toBeGreaterThanOrEqual(20);
  });

  it("leaves no timer behind", () => {
    room.play(3);
    room.session.stop();
    expect(room.time.timersWaiting).toBe(0);
    expect(room.server.last.closedWith).toBe(1000);
  });
});
