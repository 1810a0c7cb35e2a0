/** The WebSocket that brings masks and states; reconnects by itself until closed. */
import { systemClock, systemTimers, type Clock, type Timers } from "./clock";
import { MessageError } from "./errors";
import { MASK_PROTOCOL, parseServerMessage, type ClientMessage, type ServerMessage } from "./messages";
import type { ReconnectPolicy } from "./reconnectPolicy";

/** Close codes of docs/protocol.md after which trying again is of no use. */
const FINAL_CODES: Readonly<Record<number, SocketEnd>> = {
  4401: "unauthorized",
  4404: "not_found",
  4410: "ended",
};

export type SocketEnd = "unauthorized" | "not_found" | "ended";
export type SocketState = "connecting" | "open" | "waiting" | SocketEnd | "closed";

/** The part of the browser's WebSocket that is used here. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type OpenSocket = (url: string, protocols: string[]) => SocketLike;

export interface MaskSocketListener {
  /** Called for every frame that arrives, before it is understood. */
  onArrival(): void;
  onMessage(message: ServerMessage): void;
  onBadMessage(error: MessageError): void;
  onSocketState(state: SocketState): void;
}

export interface MaskSocketOptions {
  readonly url: string;
  readonly token: string | null;
  readonly policy: ReconnectPolicy;
  readonly listener: MaskSocketListener;
  readonly open?: OpenSocket;
  readonly timers?: Timers;
  readonly clock?: Clock;
}

/** A connection that says nothing for this long is given up: the server repeats its state every 200 ms. */
export const DEAD_AFTER_MS = 4000;

/** Unpadded base64url of the token's UTF-8, as a subprotocol may hold it. */
export function tokenSubprotocol(token: string): string {
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  return `sali.token.${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

export class MaskSocket {
  private socket: SocketLike | null = null;
  private viewer: string | null = null;
  private isOpen = false;
  private attempt = 0;
  private timer: number | null = null;
  private isClosed = false;
  private lastSignAt = 0;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly open: OpenSocket;

  constructor(private readonly options: MaskSocketOptions) {
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.open = options.open ?? ((url, protocols) => new WebSocket(url, protocols) as SocketLike);
  }

  connect(): void {
    this.timer = null;
    if (this.isClosed) return;
    this.options.listener.onSocketState("connecting");
    const protocols = [MASK_PROTOCOL];
    if (this.options.token !== null) protocols.push(tokenSubprotocol(this.options.token));
    const socket = this.open(this.options.url, protocols);
    this.socket = socket;
    this.lastSignAt = this.clock.now();
    socket.onopen = () => {
      this.isOpen = true;
      this.options.listener.onSocketState("open");
      this.sendAttach();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.ended(event.code);
  }

  /**
   * Name this viewer's video connection, now and after every reconnection. A connected video proves
   * that the server is there, so a waiting socket tries again at once.
   */
  attach(viewer: string | null): void {
    this.viewer = viewer;
    this.sendAttach();
    if (viewer !== null) this.retryNow();
  }

  /** Ask for a keyframe: the pictures of the attached video connection are spoiled. */
  askForRepair(): void {
    if (this.viewer !== null) this.send({ type: "repair", viewer: this.viewer });
  }

  /** The network or the machine came back: do not wait for the timer. */
  retryNow(): void {
    if (this.timer === null) return;
    this.timers.clear(this.timer);
    this.connect();
  }

  /** Give a connection up that has gone dead without a word; call it now and then. */
  dropIfDead(): void {
    if (this.socket === null || this.clock.now() - this.lastSignAt <= DEAD_AFTER_MS) return;
    this.letGo();
    this.ended(1006);
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) this.timers.clear(this.timer);
    this.letGo();
    this.options.listener.onSocketState("closed");
  }

  /** Close without waiting for the other end, which may be gone. */
  private letGo(): void {
    if (this.socket === null) return;
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close(1000);
    this.socket = null;
    this.isOpen = false;
  }

  private receive(data: unknown): void {
    this.lastSignAt = this.clock.now();
    this.attempt = 0;
    this.options.listener.onArrival();
    try {
      if (typeof data !== "string") throw new MessageError("message is not text");
      const message = parseServerMessage(data);
      if (message === null) return;
      if (message.type === "mask") this.send({ type: "ack", sequence: message.sequence });
      this.options.listener.onMessage(message);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      // Acknowledged all the same: the server would otherwise wait for this one for ever.
      if (error.sequence !== null) this.send({ type: "ack", sequence: error.sequence });
      this.options.listener.onBadMessage(error);
    }
  }

  private sendAttach(): void {
    if (this.viewer !== null) this.send({ type: "attach", viewer: this.viewer });
  }

  private send(message: ClientMessage): void {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  private ended(code: number): void {
    this.isOpen = false;
    this.socket = null;
    const final = FINAL_CODES[code];
    if (final !== undefined) {
      this.options.listener.onSocketState(final);
      return;
    }
    this.options.listener.onSocketState("waiting");
    this.timer = this.timers.set(() => this.connect(), this.options.policy.nextDelayMs(this.attempt++));
  }
}
