/** Shares this browser's camera or screen as a session; goes on while other pages of the viewer are open. */
import type { Api } from "./api";
import { ViewerError } from "./errors";
import { sharingWords } from "./i18n/sharing";
import type { PeerResource } from "./peerOffer";
import { JitteredBackoff } from "./reconnectPolicy";
import { inLanguage } from "./strings";
import { VideoLink, type LinkState } from "./videoLink";
import { publishWhip } from "./whip";

export const SHARED_KINDS = ["camera", "screen"] as const;
export type SharedKind = (typeof SHARED_KINDS)[number];

/** What is shared right now. */
export interface Shared {
  readonly sessionId: string;
  readonly name: string;
  readonly kind: SharedKind;
  readonly state: LinkState;
}

type Capture = (kind: SharedKind) => Promise<MediaStream>;

export class Sharing {
  private current: Shared | null = null;
  private stream: MediaStream | null = null;
  private link: VideoLink<PeerResource> | null = null;
  private connections = 0;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly api: Api,
    private readonly capture: Capture = captureVideo,
    private readonly publish: typeof publishWhip = publishWhip,
  ) {}

  get shared(): Shared | null {
    return this.current;
  }

  /** Called after every change of `shared`; the function returned ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Ask for a camera or screen, start a session of it and publish; what was shared before is not any more.
   *
   * @returns the session's id.
   * @throws ViewerError when the person or the browser refuses; ApiError when the server does.
   */
  async start(kind: SharedKind, name: string): Promise<string> {
    // Asked first: without a picture there is no reason for a session.
    const stream = await this.capture(kind);
    const track = stream.getVideoTracks()[0];
    try {
      if (track === undefined) throw new ViewerError(inLanguage(sharingWords).nothingCaptured);
      const session = await this.api.createSession({ name, source: "whip", loop: false });
      this.stop();
      this.begin(stream, track, { sessionId: session.id, name: session.name, kind, state: { type: "connecting" } });
      return session.id;
    } catch (error) {
      endTracks(stream);
      throw error;
    }
  }

  /** Stop sharing; the session stays and waits for another publisher. */
  stop(): void {
    this.link?.close();
    this.link = null;
    if (this.stream !== null) endTracks(this.stream);
    this.stream = null;
    this.change(null);
  }

  private begin(stream: MediaStream, track: MediaStreamTrack, shared: Shared): void {
    // The browser has a button of its own that ends a capture.
    track.addEventListener("ended", () => {
      if (this.stream === stream) this.stop();
    });
    this.stream = stream;
    this.change(shared);
    this.link = new VideoLink<PeerResource>({
      connect: () => this.publish(this.api, shared.sessionId, track),
      policy: new JitteredBackoff(),
      onConnection: () => this.link?.noteProgress(++this.connections, false),
      onLost: () => undefined,
      onState: (state) => this.follow(stream, state),
    });
    void this.link.start();
  }

  private follow(stream: MediaStream, state: LinkState): void {
    if (this.stream !== stream || this.current === null) return;
    if (state.type === "gone" || state.type === "unauthorized") this.stop();
    else this.change({ ...this.current, state });
  }

  private change(shared: Shared | null): void {
    this.current = shared;
    for (const listener of this.listeners) listener();
  }
}

function endTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** @throws ViewerError with cause and cure. */
async function captureVideo(kind: SharedKind): Promise<MediaStream> {
  const words = inLanguage(sharingWords);
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  // Browsers give cameras to pages over HTTPS and to this machine's own only.
  if (devices === undefined) throw new ViewerError(words.insecure);
  try {
    const video = { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30 } };
    return kind === "camera"
      ? await devices.getUserMedia({ video, audio: false })
      : await devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: false });
  } catch (error) {
    throw new ViewerError(reasonOf(error, kind), { cause: error });
  }
}

function reasonOf(error: unknown, kind: SharedKind): string {
  const words = inLanguage(sharingWords);
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return words.refused[kind];
  if (name === "NotFoundError") return words.missing[kind];
  if (name === "NotReadableError") return words.inUse[kind];
  return words.failed(error instanceof Error ? error.message : String(error));
}
