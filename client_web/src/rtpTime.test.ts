import { describe, expect, it } from "vitest";
import { low32, ptsOf, tickDifference, Unwrapper } from "./rtpTime";

describe("ptsOf", () => {
  it("subtracts the origin on the 32-bit circle", () => {
    expect(ptsOf(5, 0xfffffffe)).toBe(7);
    expect(ptsOf(2718281828 + 5400000, 2718281828)).toBe(5400000);
  });
});

describe("low32", () => {
  it("keeps the low bits of a pts wider than 32 bits", () => {
    expect(low32(2 ** 32 * 3 + 17)).toBe(17);
    expect(low32(0xffffffff)).toBe(0xffffffff);
  });
});

describe("tickDifference", () => {
  it("takes the short way round", () => {
    expect(tickDifference(1, 0xffffffff)).toBe(2);
    expect(tickDifference(0xffffffff, 1)).toBe(-2);
  });
});

describe("Unwrapper", () => {
  it("counts on over the wrap", () => {
    const unwrapper = new Unwrapper();
    expect(unwrapper.follow(0xffffff00)).toBe(0);
    expect(unwrapper.follow(0x00000100)).toBe(0x200);
    expect(unwrapper.follow(0x00000100 + 3600)).toBe(0x200 + 3600);
  });

  it("locates an earlier timestamp without following it", () => {
    const unwrapper = new Unwrapper();
    expect(unwrapper.locate(1)).toBeNull();
    unwrapper.follow(10);
    expect(unwrapper.locate(0xfffffff6)).toBe(-20);
    expect(unwrapper.follow(20)).toBe(10);
  });
});
