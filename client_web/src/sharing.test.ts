import { beforeEach, expect, it, vi } from "vitest";
import type { Api, NewSession } from "./api";
import { ApiError, ViewerError } from "./errors";
import type { PeerResource } from "./peerOffer";
import { Sharing } from "./sharing";

class FakeTrack extends EventTarget {
  stopped = 0;
  stop(): void {
    this.stopped++;
  }
}

function orThrow<T>(error: Error | null, value: T): Promise<T> {
  return error === null ? Promise.resolve(value) : Promise.reject(error);
}

class Desk {
  readonly track = new FakeTrack();
  readonly created: NewSession[] = [];
  readonly published: string[] = [];
  closed = 0;
  captureError: Error | null = null;
  createError: Error | null = null;
  publishError: Error | null = null;
  readonly sharing: Sharing;

  constructor() {
    const stream = { getVideoTracks: () => [this.track], getTracks: () => [this.track] } as unknown as MediaStream;
    const api = {
      createSession: (wanted: NewSession) => {
        this.created.push(wanted);
        return orThrow(this.createError, { id: `s${this.created.length}`, name: wanted.name });
      },
    } as unknown as Api;
    const publish = (_: Api, sessionId: string): Promise<PeerResource> => {
      this.published.push(sessionId);
      const peer = { connectionState: "connected", addEventListener: () => undefined };
      const resource = { peer, id: "p1", close: () => this.closed++ } as unknown as PeerResource;
      return orThrow(this.publishError, resource);
    };
    this.sharing = new Sharing(api, () => orThrow(this.captureError, stream), publish);
  }
}

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

const settled = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

it("captures, starts a WHIP session and publishes to it", async () => {
  const changes = vi.fn();
  desk.sharing.onChange(changes);
  expect(await desk.sharing.start("camera", "Room 1")).toBe("s1");
  await settled();
  expect(desk.created).toEqual([{ name: "Room 1", source: "whip", loop: false }]);
  expect(desk.published).toEqual(["s1"]);
  expect(desk.sharing.shared).toMatchObject({ sessionId: "s1", kind: "camera", state: { type: "connected" } });
  expect(changes).toHaveBeenCalled();
});

it("starts no session when nothing may be captured", async () => {
  desk.captureError = new ViewerError("refused");
  await expect(desk.sharing.start("screen", "x")).rejects.toThrow("refused");
  expect(desk.created).toHaveLength(0);
  expect(desk.sharing.shared).toBeNull();
});

it("lets the camera go when the server refuses the session", async () => {
  desk.createError = new ApiError(503, "session_limit", "no room");
  await expect(desk.sharing.start("camera", "x")).rejects.toThrow("no room");
  expect(desk.track.stopped).toBe(1);
  expect(desk.sharing.shared).toBeNull();
});

it("stops when told to and when the browser ends the capture", async () => {
  await desk.sharing.start("screen", "x");
  await settled();
  desk.track.dispatchEvent(new Event("ended"));
  expect(desk.sharing.shared).toBeNull();
  expect(desk.closed).toBe(1);
  await desk.sharing.start("screen", "x");
  await settled();
  desk.sharing.stop();
  expect(desk.closed).toBe(2);
});

it("stops when its session is gone", async () => {
  desk.publishError = new ApiError(404, "session_not_found", "gone");
  await desk.sharing.start("camera", "x");
  await settled();
  expect(desk.sharing.shared).toBeNull();
  expect(desk.track.stopped).toBe(1);
});

it("shares one thing at a time", async () => {
  await desk.sharing.start("camera", "one");
  await settled();
  await desk.sharing.start("screen", "two");
  await settled();
  expect(desk.closed).toBe(1);
  expect(desk.sharing.shared).toMatchObject({ sessionId: "s2", kind: "screen" });
});
