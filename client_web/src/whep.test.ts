import { describe, expect, it } from "vitest";
import { preferH264, whepPath } from "./whep";

describe("preferH264", () => {
  it("puts H.264 first, packetization mode 1 before 0, and keeps everything else in its order", () => {
    const codecs = [
      { mimeType: "video/VP8" },
      { mimeType: "video/rtx" },
      { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0;profile-level-id=42001f" },
      { mimeType: "video/AV1" },
      { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42e01f" },
    ];
    expect(preferH264(codecs).map((codec) => codec.sdpFmtpLine ?? codec.mimeType)).toEqual([
      "packetization-mode=1;profile-level-id=42e01f",
      "packetization-mode=0;profile-level-id=42001f",
      "video/VP8",
      "video/rtx",
      "video/AV1",
    ]);
    expect(codecs[0]!.mimeType).toBe("video/VP8");
  });

  it("leaves a browser without H.264 as it is", () => {
    const codecs = [{ mimeType: "video/VP8" }, { mimeType: "video/VP9" }];
    expect(preferH264(codecs)).toEqual(codecs);
  });
});

it("asks for masks drawn in by the server where they are wanted", () => {
  expect(whepPath("a/b", "clean")).toBe("/v1/sessions/a%2Fb/whep");
  expect(whepPath("k3", "burned")).toBe("/v1/sessions/k3/whep?overlay=burned");
});
