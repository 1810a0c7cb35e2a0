import { expect, it } from "vitest";
import { parseDevices } from "./captureDevices";
import { MessageError } from "./errors";

const size = (width: number, height: number, ...fps: number[]) => ({ width, height, fps });
const card = {
  path: "/dev/video0",
  stable_path: "/dev/v4l/by-id/usb-Card",
  name: "Card",
  problem: "",
  formats: [
    { format: "mjpeg", description: "Motion-JPEG", sizes: [size(1920, 1080, 59.94006, 30), size(640, 480, 60)] },
    { format: "nv12", description: "NV12", sizes: [size(1280, 720)] },
    { format: "", description: "its own", sizes: [size(4000, 3000, 60)] },
    { format: "h264", description: "H.264", sizes: [] },
  ],
};

it("offers each device as its driver likes it and every usable format at its largest", () => {
  const { choices, problems } = parseDevices({ devices: [card] });
  expect(choices.map(({ source }) => source)).toEqual([
    "/dev/v4l/by-id/usb-Card",
    "/dev/v4l/by-id/usb-Card?size=1920x1080&fps=59.94&format=mjpeg",
    "/dev/v4l/by-id/usb-Card?size=1280x720&format=nv12",
  ]);
  expect(choices.map(({ label }) => label)).toContain("Card · 1920 × 1080 · 59.94/s · mjpeg");
  expect(problems).toEqual([]);
});

it("tells why a device cannot be used instead of offering it", () => {
  const broken = { ...card, stable_path: "", name: "", formats: [], problem: "it may not be opened" };
  expect(parseDevices({ devices: [broken] })).toEqual({ choices: [], problems: ["/dev/video0: it may not be opened"] });
});

it("refuses what is no list of devices", () => {
  expect(() => parseDevices({ devices: [{ ...card, path: 3 }] })).toThrow(MessageError);
});
