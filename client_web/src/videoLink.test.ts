import { beforeEach, describe, expect, it } from "vitest";
import { ApiError, UnreachableError } from "./errors";
import { FakeTime } from "./testing/fakeTime";
import { STALL_LIMIT_MS, VideoLink, type LinkedConnection, type LinkState } from "./videoLink";

class FakeConnection implements LinkedConnection {
  closed = 0;
  private listener: (() => void) | null = null;
  readonly peer = {
    connectionState: "connected" as RTCPeerConnectionState,
    addEventListener: (_type: string, listener: () => void) => (this.listener = listener),
  } as unknown as LinkedConnection["peer"];

  become(state: RTCPeerConnectionState): void {
    Object.assign(this.peer, { connectionState: state });
    this.listener?.();
  }

  close(): void {
    this.closed++;
  }
}

/** A link whose attempts end as the script says: an error to throw, or null to connect. */
class Bench {
  readonly time = new FakeTime();
  readonly made: FakeConnection[] = [];
  readonly states: LinkState[] = [];
  readonly script: (Error | null)[] = [];
  attempts = 0;
  lost = 0;
  readonly link = new VideoLink<FakeConnection>({
    connect: () => {
      this.attempts++;
      const error = this.script.shift() ?? null;
      if (error !== null) return Promise.reject(error);
      const connection = new FakeConnection();
      this.made.push(connection);
      return Promise.resolve(connection);
    },
    policy: { nextDelayMs: (attempt) => 100 * (attempt + 1) },
    onConnection: () => undefined,
    onLost: () => this.lost++,
    onState: (state) => this.states.push(state),
    clock: this.time,
    timers: this.time,
  });

  /** Move time on and let promises settle. */
  async pass(ms: number): Promise<void> {
    this.time.advance(ms);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

describe("VideoLink", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it("connects and says so", async () => {
    await bench.link.start();
    expect(bench.states).toEqual([{ type: "connecting" }, { type: "connected" }]);
  });

  it("connects anew when another kind of connection is wanted", async () => {
    await bench.link.start();
    bench.link.reconnect();
    expect(bench.made[0]!.closed).toBe(1);
    expect(bench.lost).toBe(1);
    await bench.pass(100);
    expect(bench.made).toHaveLength(2);
  });

  it("tries again with growing delays and tells why meanwhile", async () => {
    bench.script.push(new UnreachableError("the server does not answer"), new UnreachableError("still not"));
    await bench.link.start();
    expect(bench.states.at(-1)).toEqual({ type: "waiting", reason: "the server does not answer" });
    await bench.pass(99);
    expect(bench.attempts).toBe(1);
    await bench.pass(1);
    expect(bench.attempts).toBe(2);
    await bench.pass(200);
    expect(bench.states.at(-1)).toEqual({ type: "connected" });
  });

  it("waits as long as the server asks", async () => {
    bench.script.push(new ApiError(409, "source_not_ready", "no video yet", 1000));
    await bench.link.start();
    await bench.pass(999);
    expect(bench.attempts).toBe(1);
    await bench.pass(1);
    expect(bench.attempts).toBe(2);
  });

  it.each([
    [401, "unauthorized"],
    [404, "gone"],
    [410, "gone"],
  ] as const)("gives up on %d", async (status, type) => {
    bench.script.push(new ApiError(status, "x", "x"));
    await bench.link.start();
    await bench.pass(60_000);
    expect(bench.attempts).toBe(1);
    expect(bench.states.at(-1)).toEqual({ type });
  });

  it("replaces a connection that failed", async () => {
    await bench.link.start();
    bench.made[0]!.become("failed");
    expect(bench.made[0]!.closed).toBe(1);
    expect(bench.lost).toBe(1);
    await bench.pass(100);
    expect(bench.made).toHaveLength(2);
    bench.made[0]!.become("closed");
    expect(bench.lost).toBe(1);
  });

  it("replaces a connection whose pictures stopped, and only while there should be some", async () => {
    await bench.link.start();
    bench.link.noteProgress(10, true);
    await bench.pass(STALL_LIMIT_MS);
    bench.link.noteProgress(10, false);
    await bench.pass(STALL_LIMIT_MS);
    bench.link.noteProgress(10, true);
    expect(bench.lost).toBe(0);
    await bench.pass(1);
    bench.link.noteProgress(10, true);
    expect(bench.lost).toBe(1);
    expect(bench.states.at(-1)).toMatchObject({ type: "waiting" });
  });

  it("starts over with short delays once pictures came", async () => {
    bench.script.push(new Error("a"), new Error("b"));
    await bench.link.start();
    await bench.pass(100);
    await bench.pass(200);
    bench.link.noteProgress(1, true);
    bench.made[0]!.become("failed");
    await bench.pass(100);
    expect(bench.made).toHaveLength(2);
  });

  it("tries at once when told that the server is back", async () => {
    bench.script.push(new Error("down"));
    await bench.link.start();
    bench.link.retryNow();
    await bench.pass(0);
    expect(bench.attempts).toBe(2);
    bench.link.retryNow();
    await bench.pass(1000);
    expect(bench.attempts).toBe(2);
  });

  it("closes the connection that arrives after it was closed itself", async () => {
    const starting = bench.link.start();
    bench.link.close();
    await starting;
    expect(bench.made[0]!.closed).toBe(1);
    expect(bench.states).toEqual([{ type: "connecting" }]);
    expect(bench.time.timersWaiting).toBe(0);
  });
});
