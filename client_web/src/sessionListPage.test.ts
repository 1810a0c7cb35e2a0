import { expect, it } from "vitest";
import type { Session } from "./api";
import { describeSource, viewerAddress } from "./sessionListPage";

const session: Session = {
  id: "k3",
  name: "Room 1",
  sourceKind: "rtsp",
  sourceLabel: "rtsp://camera/stream",
  sourceState: "playing",
  sourceReason: "",
  sourceRetry: null,
  aiState: "active",
  aiReason: "",
  videoSize: { width: 1280, height: 720 },
  viewers: 0,
};

it("describes a source by kind, label and picture size, nothing twice", () => {
  expect(describeSource(session)).toBe("rtsp · rtsp://camera/stream · 1280 × 720");
  expect(describeSource({ ...session, sourceKind: "whip", sourceLabel: "whip" })).toBe("whip · 1280 × 720");
});

it("tells where to publish while nobody does", () => {
  const waiting = { ...session, sourceKind: "whip", sourceLabel: "whip", videoSize: null };
  expect(describeSource(waiting)).toBe("whip · Publish to /v1/sessions/k3/whip");
  expect(describeSource({ ...waiting, sourceKind: "frames", sourceLabel: "program" })).toBe(
    "frames · program · Push frames to /v1/sessions/k3/frames",
  );
});

it("escapes the id in the address", () => {
  expect(viewerAddress("a/b")).toBe("#/session/a%2Fb");
});
