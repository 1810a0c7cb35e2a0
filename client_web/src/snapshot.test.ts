import { expect, it } from "vitest";
import { takeSnapshot, type PresentPicture } from "./snapshot";
import { snapshotFacts } from "./snapshotFile";
import { parseServerMessage, type MaskMessage } from "./messages";
import { maskJson } from "./testing/messageSamples";

const mask = parseServerMessage(JSON.stringify(maskJson({ pts: 7200, region: [20, 10, 600, 460], source_size: [480, 640] }))) as MaskMessage;
const image = {} as CanvasImageSource;
const present: PresentPicture = {
  frame: { image, width: 640, height: 480 },
  mask,
  region: mask.region,
  modelName: "small-demo",
  aiState: "active",
};

/** What was cut out of which picture. */
function cutter() {
  const cuts: unknown[] = [];
  const cut = (from: CanvasImageSource, part: readonly number[]): Promise<Blob> => {
    cuts.push([from, part]);
    return Promise.resolve(new Blob(["png"]));
  };
  return { cuts, cut };
}

it("keeps the region that the mask covers, and the mask as the server told it", async () => {
  const { cuts, cut } = cutter();
  const snapshot = await takeSnapshot(present, cut);
  expect(cuts).toEqual([[image, [20, 10, 600, 460]]]);
  expect(snapshotFacts(snapshot!, "k3", new Date("2026-01-01T12:00:00Z"))).toEqual({
    notice: "Not a medical device.",
    session: "k3",
    taken_at: "2026-01-01T12:00:00.000Z",
    model_name: "small-demo",
    ai_state: "active",
    still: {
      pts: 7200,
      picture_size: [460, 600],
      source_size: [480, 640],
      region: [20, 10, 600, 460],
      rle: mask.rle,
      polyps: mask.polyps,
    },
  });
});

it("takes a picture without a mask of its own, cut as those around it", async () => {
  const { cuts, cut } = cutter();
  const snapshot = await takeSnapshot({ ...present, mask: null }, cut);
  expect(cuts).toEqual([[image, [20, 10, 600, 460]]]);
  expect(snapshot!.still).toMatchObject({ pts: null, rle: null, polyps: [], region: [20, 10, 600, 460] });
});

it("takes the whole picture where no region is known, and lacks no pixel of an odd side", async () => {
  const { cuts, cut } = cutter();
  await takeSnapshot({ ...present, mask: null, region: null }, cut);
  await takeSnapshot({ ...present, region: [0, 0, 641, 481] }, cut);
  expect(cuts).toEqual([
    [image, [0, 0, 640, 480]],
    [image, [0, 0, 640, 480]],
  ]);
});

it("is none without a picture, or where none can be written", async () => {
  expect(await takeSnapshot(null)).toBeNull();
  expect(await takeSnapshot(present, () => Promise.reject(new Error("no canvas")))).toBeNull();
});
