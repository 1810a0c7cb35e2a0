import { beforeEach, describe, expect, it } from "vitest";
import type { MessageError } from "./errors";
import { DEAD_AFTER_MS, MaskSocket, tokenSubprotocol, type MaskSocketListener, type SocketState } from "./maskSocket";
import type { ServerMessage } from "./messages";
import { FakeServer } from "./testing/fakeSocket";
import { FakeTime } from "./testing/fakeTime";
import { maskJson, stateJson } from "./testing/messageSamples";

class Listener implements MaskSocketListener {
  readonly messages: ServerMessage[] = [];
  readonly bad: MessageError[] = [];
  readonly states: SocketState[] = [];
  arrivals = 0;
  onArrival(): void {
    this.arrivals++;
  }
  onMessage(message: ServerMessage): void {
    this.messages.push(message);
  }
  onBadMessage(error: MessageError): void {
    this.bad.push(error);
  }
  onSocketState(state: SocketState): void {
    this.states.push(state);
  }
}

describe("MaskSocket", () => {
  let time: FakeTime;
  let server: FakeServer;
  let listener: Listener;

  beforeEach(() => {
    time = new FakeTime();
    server = new FakeServer();
    listener = new Listener();
  });

  const connect = (token: string | null = null): MaskSocket => {
    const policy = { nextDelayMs: (attempt: number) => 100 * (attempt + 1) };
    const url = "ws://host/v1/sessions/k3/masks";
    const socket = new MaskSocket({ url, token, policy, listener, open: server.open, timers: time, clock: time });
    socket.connect();
    return socket;
  };

  it("offers the protocol and the token as subprotocols, never in the address", () => {
    connect("gehe?im~ä/+");
    expect(server.last.protocols[0]).toBe("sali.masks.v1");
    expect(server.last.protocols[1]).toBe(tokenSubprotocol("gehe?im~ä/+"));
    expect(server.last.url).not.toContain("geh");
    connect();
    expect(server.last.protocols).toEqual(["sali.masks.v1"]);
  });

  it("writes the token as unpadded base64url of UTF-8", () => {
    expect(tokenSubprotocol("a")).toBe("sali.token.YQ");
    expect(tokenSubprotocol("ÿþ>?")).toBe("sali.token.w7_Dvj4_");
    expect(tokenSubprotocol("~~~?")).toMatch(/^sali\.token\.[A-Za-z0-9_-]+$/);
  });

  it("attaches the viewer once open, at once when open already, and again after a reconnection", () => {
    const socket = connect();
    socket.attach("v1");
    expect(server.last.sent).toEqual([]);
    server.last.onopen?.();
    socket.attach("v2");
    expect(server.last.sent).toEqual([
      { type: "attach", viewer: "v1" },
      { type: "attach", viewer: "v2" },
    ]);
    server.last.onclose?.({ code: 1006 });
    time.advance(100);
    server.last.onopen?.();
    expect(server.sockets).toHaveLength(2);
    expect(server.last.sent).toEqual([{ type: "attach", viewer: "v2" }]);
  });

  it("asks for the repair of the video connection it has attached, and of no other", () => {
    const socket = connect();
    server.last.onopen?.();
    socket.askForRepair();
    expect(server.last.sent).toEqual([]);
    socket.attach("v1");
    socket.askForRepair();
    expect(server.last.sent.at(-1)).toEqual({ type: "repair", viewer: "v1" });
  });

  it("acknowledges every mask, broken ones too, and nothing else", () => {
    connect();
    server.last.onopen?.();
    server.last.receive(stateJson());
    server.last.receive(maskJson({ sequence: 5 }));
    server.last.receive(maskJson({ sequence: 6, region: [] }));
    server.last.receive("no JSON");
    expect(server.last.sent).toEqual([
      { type: "ack", sequence: 5 },
      { type: "ack", sequence: 6 },
    ]);
    expect(listener.messages.map((message) => message.type)).toEqual(["state", "mask"]);
    expect(listener.bad).toHaveLength(2);
    expect(listener.arrivals).toBe(4);
  });

  it("waits longer with every failure and starts over after a message", () => {
    connect();
    for (const delay of [100, 200, 300]) {
      server.last.onclose?.({ code: 1006 });
      const opened = server.sockets.length;
      time.advance(delay - 1);
      expect(server.sockets).toHaveLength(opened);
      time.advance(1);
      expect(server.sockets).toHaveLength(opened + 1);
    }
    server.last.onopen?.();
    server.last.receive(stateJson());
    server.last.onclose?.({ code: 1012 });
    time.advance(100);
    expect(server.sockets).toHaveLength(5);
    expect(listener.states.filter((state) => state === "waiting")).toHaveLength(4);
  });

  it("does not wait any longer once the video is connected", () => {
    const socket = connect();
    server.last.onclose?.({ code: 1006 });
    socket.attach("v1");
    expect(server.sockets).toHaveLength(2);
    expect(time.timersWaiting).toBe(0);
  });

  it.each([
    [4401, "unauthorized"],
    [4404, "not_found"],
    [4410, "ended"],
  ] as const)("does not come back after close code %d", (code, state) => {
    connect();
    server.last.onclose?.({ code });
    time.advance(60_000);
    expect(server.sockets).toHaveLength(1);
    expect(listener.states.at(-1)).toBe(state);
  });

  // hazard H5
  it("gives up a connection that has gone dead without a word", () => {
    const socket = connect();
    server.last.onopen?.();
    time.advance(DEAD_AFTER_MS);
    socket.dropIfDead();
    expect(server.last.closedWith).toBeNull();
    time.advance(1);
    socket.dropIfDead();
    expect(server.sockets[0]!.closedWith).toBe(1000);
    time.advance(100);
    expect(server.sockets).toHaveLength(2);
  });

  it("stays closed once closed", () => {
    const socket = connect();
    server.last.onclose?.({ code: 1006 });
    socket.close();
    time.advance(60_000);
    expect(server.sockets).toHaveLength(1);
    expect(time.timersWaiting).toBe(0);
    expect(listener.states.at(-1)).toBe("closed");
  });
});
