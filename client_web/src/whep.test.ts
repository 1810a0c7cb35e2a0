import { describe, expect, it } from "vitest";
import { preferH264, requireParameterSets, whepPath } from "./whep";

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

// hazard H18
it("has the receiver wait for the parameter sets of H.264, and leaves every other codec as it is", () => {
  const offer = [
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 packetization-mode=1;profile-level-id=42001f",
    "a=rtpmap:103 rtx/90000",
    "a=fmtp:103 apt=102",
    "a=rtpmap:104 H264/90000",
    "a=fmtp:104 packetization-mode=0;profile-level-id=42e01f",
    "",
  ];
  const adapted = requireParameterSets(offer.join("\r\n")).split("\r\n");
  const wanted = offer.map((line) => (/^a=fmtp:10[24]/.test(line) ? `${line};sps-pps-idr-in-keyframe=1` : line));
  expect(adapted).toEqual(wanted);
  expect(requireParameterSets("v=0\r\na=fmtp:97 apt=96\r\n")).toBe("v=0\r\na=fmtp:97 apt=96\r\n");
});
