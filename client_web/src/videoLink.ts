/** Keeps one WHEP connection alive: connects, watches, connects again (bounded, jittered). */
import { systemClock, systemTimers, type Clock, type Timers } from "./clock";
import { ApiError, describeError } from "./errors";
import type { ReconnectPolicy } from "./reconnectPolicy";
import { strings } from "./strings";

/** What a link needs of a connection; `WhepConnection` is one. */
export interface LinkedConnection {
  readonly peer: Pick<RTCPeerConnection, "connectionState" | "addEventListener">;
  close(): void;
}

export type LinkState =
  | { readonly type: "connecting" }
  | { readonly type: "connected" }
  | { readonly type: "waiting"; readonly reason: string }
  | { readonly type: "gone" }
  | { readonly type: "unauthorized" };

export interface VideoLinkOptions<C extends LinkedConnection> {
  readonly connect: () => Promise<C>;
  readonly policy: ReconnectPolicy;
  readonly onConnection: (connection: C) => void;
  readonly onLost: () => void;
  readonly onState: (state: LinkState) => void;
  readonly clock?: Clock;
  readonly timers?: Timers;
}

/** Without a picture for this long, while there should be some, the connection is made anew. */
export const STALL_LIMIT_MS = 4000;

export class VideoLink<C extends LinkedConnection> {
  private connection: C | null = null;
  private attempt = 0;
  private timer: number | null = null;
  private isClosed = false;
  private lastFrameAt = 0;
  private framesSeen = 0;
  private readonly clock: Clock;
  private readonly timers: Timers;

  constructor(private readonly options: VideoLinkOptions<C>) {
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
  }

  async start(): Promise<void> {
    this.timer = null;
    this.options.onState({ type: "connecting" });
    try {
      const connection = await this.options.connect();
      if (this.isClosed) connection.close();
      else this.adopt(connection);
    } catch (error) {
      if (!this.isClosed) this.failed(error);
    }
  }

  /**
   * Tell how many frames have come so far; call it a few times a second.
   *
   * @param framesReceived counter over the whole life of the page.
   * @param picturesExpected false while the source itself has nothing to send.
   */
  noteProgress(framesReceived: number, picturesExpected: boolean): void {
    const now = this.clock.now();
    if (framesReceived !== this.framesSeen) {
      this.attempt = 0;
      this.framesSeen = framesReceived;
      this.lastFrameAt = now;
    } else if (!picturesExpected) {
      this.lastFrameAt = now;
    } else if (this.connection !== null && now - this.lastFrameAt > STALL_LIMIT_MS) {
      this.lose(this.connection, strings.videoStalled);
    }
  }

  /** The network or the server came back: do not wait for the timer. */
  retryNow(): void {
    if (this.timer === null) return;
    this.timers.clear(this.timer);
    void this.start();
  }

  /** Connect anew, because another kind of connection is wanted. */
  reconnect(): void {
    if (this.connection !== null) this.lose(this.connection, strings.videoConnectionLost);
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) this.timers.clear(this.timer);
    this.timer = null;
    this.connection?.close();
    this.connection = null;
  }

  private adopt(connection: C): void {
    this.connection = connection;
    this.lastFrameAt = this.clock.now();
    connection.peer.addEventListener("connectionstatechange", () => {
      const { connectionState } = connection.peer;
      if (connectionState === "failed" || connectionState === "closed") {
        this.lose(connection, strings.videoConnectionLost);
      }
    });
    this.options.onState({ type: "connected" });
    this.options.onConnection(connection);
  }

  private lose(connection: C, reason: string): void {
    if (this.connection !== connection || this.isClosed) return;
    this.connection = null;
    connection.close();
    this.options.onLost();
    this.retryLater(reason, this.options.policy.nextDelayMs(this.attempt++));
  }

  private failed(error: unknown): void {
    if (error instanceof ApiError && error.status === 401) {
      this.options.onState({ type: "unauthorized" });
    } else if (error instanceof ApiError && (error.status === 404 || error.status === 410)) {
      this.options.onState({ type: "gone" });
    } else {
      const wanted = error instanceof ApiError ? error.retryAfterMs : null;
      this.retryLater(describeError(error), wanted ?? this.options.policy.nextDelayMs(this.attempt++));
    }
  }

  private retryLater(reason: string, delayMs: number): void {
    this.options.onState({ type: "waiting", reason });
    this.timer = this.timers.set(() => void this.start(), delayMs);
  }
}
