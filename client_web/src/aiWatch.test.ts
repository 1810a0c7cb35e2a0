import { beforeEach, describe, expect, it } from "vitest";
import { AiWatch } from "./aiWatch";
import type { AiState, StateMessage } from "./messages";
import { FakeTime } from "./testing/fakeTime";

const state = (ai_state: AiState, ai_reason = ""): StateMessage => ({
  type: "state",
  ai_state,
  ai_reason,
  source_state: "playing",
  source_reason: "",
  source_retry: null,
  view: "in_body",
});

describe("AiWatch", () => {
  let time: FakeTime;
  let watch: AiWatch;

  beforeEach(() => {
    time = new FakeTime();
    watch = new AiWatch(time);
  });

  const hear = (message: StateMessage): void => {
    watch.noteMessage();
    watch.noteState(message);
  };

  it("knows nothing before the first message", () => {
    expect(watch.verdict().state).toBe("lost");
  });

  it.each(["warming", "active", "late", "paused", "failed"] as const)("shows %s at once, with its reason", (ai) => {
    hear(state(ai, "why"));
    expect(watch.verdict()).toEqual({ state: ai, reason: "why" });
  });

  // hazard H5, F5
  it("calls the AI lost after 250 ms of silence, and not before", () => {
    hear(state("active"));
    time.advance(250);
    expect(watch.verdict().state).toBe("active");
    time.advance(1);
    expect(watch.verdict().state).toBe("lost");
    watch.noteMessage();
    expect(watch.verdict().state).toBe("active");
  });

  it("is lost at once when the socket closes", () => {
    hear(state("active"));
    watch.noteDisconnected();
    expect(watch.verdict().state).toBe("lost");
  });

  // hazard H4, F3
  it("calls an active AI late when pictures come and masks do not", () => {
    hear(state("active"));
    watch.noteFrame();
    for (let elapsed = 0; elapsed < 200; elapsed += 50) {
      time.advance(50);
      hear(state("active"));
      watch.noteFrame();
    }
    expect(watch.verdict().state).toBe("active");
    time.advance(1);
    expect(watch.verdict().state).toBe("late");
    watch.noteMask("active", 60);
    expect(watch.verdict().state).toBe("active");
  });

  it("calls it late when masks arrive too old to be shown", () => {
    hear(state("active"));
    watch.noteMask("active", 251);
    expect(watch.verdict().state).toBe("late");
    watch.noteMask("active", 250);
    expect(watch.verdict().state).toBe("active");
  });

  it("is not late while there is no picture to wait for", () => {
    hear(state("active"));
    time.advance(200);
    hear(state("active"));
    time.advance(200);
    expect(watch.verdict().state).toBe("active");
  });

  it("is paused when pictures came and come no more, until the next", () => {
    hear(state("active"));
    watch.noteFrame();
    watch.noteMask("active", 50);
    time.advance(200);
    hear(state("active"));
    time.advance(20);
    expect(watch.verdict().state).toBe("active");
    time.advance(1);
    expect(watch.verdict()).toEqual({ state: "paused", reason: "" });
    watch.noteFrame();
    expect(watch.verdict().state).toBe("active");
  });

  it("does not take a lost video connection for a source that stands still", () => {
    hear(state("active"));
    watch.noteFrame();
    watch.noteVideoLost();
    time.advance(200);
    hear(state("active"));
    time.advance(200);
    expect(watch.verdict().state).toBe("active");
  });

  it("tells when its verdict changes by itself", () => {
    expect(watch.nextChangeAt()).toBeNull();
    hear(state("active"));
    time.advance(20);
    watch.noteFrame();
    expect(watch.nextChangeAt()).toBe(time.now() + 200);
    watch.noteMask("active", 10);
    expect(watch.nextChangeAt()).toBe(time.now() + 220);
  });

  it("follows the state that a mask carries", () => {
    hear(state("failed", "worker lost"));
    watch.noteMask("active", 50);
    expect(watch.verdict()).toEqual({ state: "active", reason: "" });
  });
});
