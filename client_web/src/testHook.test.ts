import { expect, it } from "vitest";
import type { OverlayStats } from "./overlayProtocol";
import { statsToDataset } from "./testHook";
import { initialSettings } from "./viewSettings";

const stats: OverlayStats = {
  aiState: "failed",
  aiReason: "worker lost",
  sourceState: "playing",
  sourceReason: "",
  socketState: "open",
  mode: "exact",
  videoDelayMs: 61.234,
  maskLatencyMs: null,
  framesPerSecond: 25,
  masksPerSecond: 24,
  pictureSize: { width: 640, height: 480 },
  hasOrigin: true,
  badMessages: 0,
  modelName: "small-demo",
  counters: { framesReceived: 12, framesDrawn: 10, framesWithMask: 9, lateMasks: 1, droppedFrames: 2 },
};

it("names what tests and support read", () => {
  expect(statsToDataset(stats, { ...initialSettings, hidden: true }, "connected", "exact")).toMatchObject({
    framesDrawn: "10",
    masksDrawn: "9",
    lateMasks: "1",
    droppedFrames: "2",
    videoDelayMs: "61.2",
    maskLatencyMs: "",
    aiState: "failed",
    sourceState: "playing",
    mode: "exact",
    overlay: "off",
    picture: "640x480",
    method: "exact",
  });
});
