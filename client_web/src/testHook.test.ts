import { expect, it } from "vitest";
import type { OverlayStats } from "./overlayProtocol";
import { statsToDataset } from "./testHook";
import { initialSettings } from "./viewSettings";

const stats: OverlayStats = {
  aiState: "failed",
  aiReason: "worker lost",
  sourceState: "playing",
  sourceReason: "no cable",
  sourceRetry: { attempt: 3, in_s: 4 },
  view: "in_body",
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
  counters: { framesReceived: 12, framesDrawn: 10, framesWithMask: 9, lateMasks: 1, droppedFrames: 2, spoiledFrames: 4, doubtedSizes: 1, unmasked: { no_origin: 0, ai_inactive: 0, too_old: 0, not_arrived: 1 } },
  newFindings: 0,
  findingNews: 0,
};

it("names what tests and support read", () => {
  expect(statsToDataset(stats, { ...initialSettings, hidden: true }, "connected", "exact")).toMatchObject({
    framesDrawn: "10",
    masksDrawn: "9",
    lateMasks: "1",
    droppedFrames: "2",
    spoiledFrames: "4",
    doubtedSizes: "1",
    unmaskedNotArrived: "1",
    videoDelayMs: "61.2",
    maskLatencyMs: "",
    aiState: "failed",
    sourceState: "playing",
    sourceReason: "no cable; attempt 3 in 4 s",
    mode: "exact",
    overlay: "off",
    layout: "single",
    picture: "640x480",
    method: "exact",
  });
});
