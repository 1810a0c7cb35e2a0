import { describe, expect, it } from "vitest";
import { MessageError } from "./errors";
import { parseServerMessage } from "./messages";
import { maskJson, stateJson } from "./testing/messageSamples";

const parse = (value: unknown): unknown => parseServerMessage(JSON.stringify(value));

describe("parseServerMessage", () => {
  it("reads of a finding what the overlay needs", () => {
    const finding = { id: "f3", revision: 12, status: "open" };
    expect(parseServerMessage(JSON.stringify({ type: "finding", finding }))).toEqual({ type: "finding", id: "f3", revision: 12 });
    expect(() => parseServerMessage(JSON.stringify({ type: "finding", finding: { id: 3 } }))).toThrow("id");
  });

  it("reads each message of the protocol", () => {
    const model = { name: "small-demo", profile: "small", device: "cpu", threshold: 0.5, mask_size: [352, 352] };
    const hello = { type: "hello", protocol: "sali.masks.v1", session: "k3", max_age_ms: 250, model, notice: "x" };
    expect(parse(hello)).toMatchObject({ type: "hello", session: "k3", model_name: "small-demo" });
    expect(parse({ type: "origin", viewer: "v8", rtp_origin: 2718281828 })).toEqual({
      type: "origin",
      viewer: "v8",
      rtp_origin: 2718281828,
    });
    expect(parse({ type: "size", pts: 2 ** 40, source_size: [480, 640] })).toEqual({
      type: "size",
      pts: 2 ** 40,
      source_size: [480, 640],
    });
    expect(parse(maskJson({ pts: 2 ** 40 }))).toMatchObject({ type: "mask", pts: 2 ** 40, region: [0, 0, 640, 480] });
    expect(parse(stateJson())).toMatchObject({ type: "state", ai_state: "active" });
  });

  it("ignores unknown types and keys", () => {
    expect(parse({ type: "weather", rain: true })).toBeNull();
    expect(parse(stateJson({ future: 1 }))).not.toHaveProperty("future");
  });

  it("accepts a greeting before the model is known, and a mask before the latency is", () => {
    const hello = { type: "hello", protocol: "sali.masks.v1", session: "k3", max_age_ms: 250, model: null };
    expect(parse(hello)).toMatchObject({ model_name: "" });
    expect(parse(maskJson({ latency_p95_ms: null }))).toMatchObject({ latency_p95_ms: null });
  });

  it.each(["", "{", "[]", "null", "7", '{"type":5}'])("refuses %j", (text) => {
    expect(() => parseServerMessage(text)).toThrow(MessageError);
  });

  it.each([
    ["pts", -1],
    ["pts", 1.5],
    ["pts", 2 ** 60],
    ["age_ms", -3],
    ["age_ms", "60"],
    ["source_size", [480]],
    ["source_size", [0, 640]],
    ["source_size", [480, 1e9]],
    ["region", [0, 0, 0, 480]],
    ["region", null],
    ["rle", { size: [352, 352] }],
    ["rle", { size: [352, 352.5], counts: "0" }],
    ["polyps", [{ box: [1, 2, 3], area_px: 1, score: 1 }]],
    ["ai_state", "fine"],
  ])("refuses a mask whose %s is %j, and tells which one to acknowledge", (key, value) => {
    expect.assertions(2);
    try {
      parse(maskJson({ sequence: 77, [key]: value }));
    } catch (error) {
      expect(error).toBeInstanceOf(MessageError);
      expect((error as MessageError).sequence).toBe(77);
    }
  });

  it("refuses a size without pixels or without a time", () => {
    expect(() => parse({ type: "size", pts: 1, source_size: [0, 640] })).toThrow("source_size");
    expect(() => parse({ type: "size", pts: -1, source_size: [480, 640] })).toThrow("pts");
  });

  it("refuses an origin wider than 32 bits, a foreign protocol and an unknown state", () => {
    expect(() => parse({ type: "origin", viewer: "v", rtp_origin: 2 ** 32 })).toThrow("32 bit");
    expect(() => parse({ type: "hello", protocol: "sali.masks.v2" })).toThrow("another mask protocol");
    expect(() => parse(stateJson({ source_state: "gone" }))).toThrow("source_state");
  });
});
