import { expect, it } from "vitest";
import { newSessionFrom } from "./sessionForm";

it("names the source as the API wants it", () => {
  expect(newSessionFrom(" Room 2 ", "demo", "left over", true)).toEqual({ name: "Room 2", source: "demo", loop: false });
  expect(newSessionFrom("", "whip", "", false)).toEqual({ name: "WHIP publisher", source: "whip", loop: false });
  expect(newSessionFrom("a", "file", " /v/x.mp4 ", true)).toEqual({ name: "a", source: "/v/x.mp4", loop: true });
  expect(newSessionFrom("a", "rtsp", "rtsp://c/s", true)).toEqual({ name: "a", source: "rtsp://c/s", loop: false });
  expect(newSessionFrom("a", "capture", "/dev/video0", true)).toEqual({ name: "a", source: "/dev/video0", loop: false });
  expect(newSessionFrom("", "frames", "x", false)).toEqual({ name: "Frames of a program", source: "frames", loop: false });
});
