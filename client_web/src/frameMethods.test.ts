import { describe, expect, it, vi } from "vitest";
import { FITNESS_FRAMES, FitnessWatch, methodsOf } from "./frameMethods";

const everything = {
  MediaStreamTrackProcessor: (): void => undefined,
  VideoFrame: { prototype: { metadata: (): void => undefined } },
  HTMLVideoElement: { prototype: { requestVideoFrameCallback: (): void => undefined } },
};

describe("methodsOf", () => {
  it("names all where the browser has everything", () => {
    expect(methodsOf(everything)).toEqual(["exact", "checked", "burned", "none"]);
  });

  it.each(["MediaStreamTrackProcessor", "metadata"])("checks frames of a video element without %s", (missing) => {
    const platform =
      missing === "metadata"
        ? { ...everything, VideoFrame: { prototype: {} } }
        : { ...everything, MediaStreamTrackProcessor: undefined };
    expect(methodsOf(platform)).toEqual(["checked", "burned", "none"]);
  });

  it("leaves the drawing to the server where frames cannot be told apart", () => {
    expect(methodsOf({ ...everything, VideoFrame: undefined })).toEqual(["burned", "none"]);
    expect(methodsOf({})).toEqual(["burned", "none"]);
    const callback = { prototype: {} };
    expect(methodsOf({ VideoFrame: everything.VideoFrame, HTMLVideoElement: callback })).toEqual(["burned", "none"]);
  });
});

describe("FitnessWatch", () => {
  const judge = (known: number, frames = FITNESS_FRAMES): number => {
    const onUnfit = vi.fn();
    const watch = new FitnessWatch(onUnfit);
    for (let index = 0; index < frames; index++) watch.note(index < known);
    return onUnfit.mock.calls.length;
  };

  it("is content while a quarter of the frames are known", () => {
    expect(judge(FITNESS_FRAMES / 4)).toBe(0);
  });

  it("says that too few are known, once", () => {
    expect(judge(FITNESS_FRAMES / 4 - 1)).toBe(1);
    expect(judge(0, 5 * FITNESS_FRAMES)).toBe(1);
    expect(judge(0, FITNESS_FRAMES - 1)).toBe(0);
  });
});
