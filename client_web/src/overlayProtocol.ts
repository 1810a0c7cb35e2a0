/** What the page and the overlay worker say to each other. */
import type { ShownAiState } from "./aiWatch";
import type { MatchMode } from "./frameMatcher";
import type { SocketState } from "./maskSocket";
import type { MatcherCounters } from "./matcherCounters";
import type { SourceRetry, SourceState, View } from "./messages";
import type { OverlayLook, ViewLayout } from "./overlayLook";
import type { Extent } from "./pictureGeometry";
import type { Snapshot } from "./snapshot";

export interface ViewSettings {
  readonly mode: MatchMode;
  readonly look: OverlayLook;
  readonly layout: ViewLayout;
  /** Whether a new finding sounds; off as delivered. */
  readonly chime: boolean;
  /** True while a held key hides the overlay. */
  readonly hidden: boolean;
}

/** Everything the status bar and the document's data attributes show. */
export interface OverlayStats {
  readonly aiState: ShownAiState;
  readonly aiReason: string;
  readonly sourceState: SourceState;
  readonly sourceReason: string;
  readonly sourceRetry: SourceRetry | null;
  readonly view: View;
  readonly socketState: SocketState;
  readonly mode: MatchMode;
  /** Median time a picture was kept back here in the last 5 s; null before the first. */
  readonly videoDelayMs: number | null;
  /** p95 over 5 s of the age of masks when they were drawn; null when none was or the AI is not active. */
  readonly maskLatencyMs: number | null;
  /** Frames drawn in the last second. */
  readonly framesPerSecond: number;
  /** Of these, the frames that had a mask (an empty one counts). */
  readonly masksPerSecond: number;
  readonly pictureSize: { readonly width: number; readonly height: number } | null;
  readonly hasOrigin: boolean;
  readonly badMessages: number;
  readonly modelName: string;
  /** Findings that were new since this page was opened. */
  readonly newFindings: number;
  /** How often something was heard of a finding. */
  readonly findingNews: number;
  readonly counters: MatcherCounters;
}

export interface SocketSettings {
  readonly url: string;
  readonly token: string | null;
}

export type ToWorker =
  | {
      readonly type: "start";
      readonly canvas: OffscreenCanvas;
      readonly socket: SocketSettings;
      readonly settings: ViewSettings;
    }
  | { readonly type: "video"; readonly viewer: string; readonly readable: ReadableStream<VideoFrame> }
  | { readonly type: "video_lost" }
  | { readonly type: "settings"; readonly settings: ViewSettings }
  | { readonly type: "display"; readonly display: Extent }
  | { readonly type: "doubt" }
  /** Answered in order by as many `snapshot` messages. */
  | { readonly type: "snapshot" }
  | { readonly type: "stop" };

export type FromWorker =
  | { readonly type: "stats"; readonly stats: OverlayStats }
  /** Null when there is no picture, or it cannot be written. */
  | { readonly type: "snapshot"; readonly snapshot: Snapshot | null }
  /** The frames of this browser do not tell their RTP timestamps. */
  | { readonly type: "unfit" };
