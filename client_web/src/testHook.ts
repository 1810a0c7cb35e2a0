/**
 * The state of the viewer as data attributes of the document's root: read by tests and by support.
 * Updated with every report of the overlay (4 a second, and at once when the AI's state changes).
 */
import type { FrameMethod } from "./frameMethods";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import { strings } from "./strings";

/** Attribute values by their dataset names; null figures become empty text. */
export function statsToDataset(
  stats: OverlayStats,
  settings: ViewSettings,
  connection: string,
  method: FrameMethod,
): Record<string, string> {
  const figure = (value: number | null): string => (value === null ? "" : value.toFixed(1));
  return {
    framesReceived: String(stats.counters.framesReceived),
    framesDrawn: String(stats.counters.framesDrawn),
    masksDrawn: String(stats.counters.framesWithMask),
    lateMasks: String(stats.counters.lateMasks),
    droppedFrames: String(stats.counters.droppedFrames),
    spoiledFrames: String(stats.counters.spoiledFrames),
    doubtedSizes: String(stats.counters.doubtedSizes),
    unmaskedNoOrigin: String(stats.counters.unmasked.no_origin),
    unmaskedAiInactive: String(stats.counters.unmasked.ai_inactive),
    unmaskedTooOld: String(stats.counters.unmasked.too_old),
    unmaskedNotArrived: String(stats.counters.unmasked.not_arrived),
    badMessages: String(stats.badMessages),
    framesPerSecond: String(stats.framesPerSecond),
    masksPerSecond: String(stats.masksPerSecond),
    maskLatencyMs: figure(stats.maskLatencyMs),
    videoDelayMs: figure(stats.videoDelayMs),
    aiState: stats.aiState,
    aiReason: stats.aiReason,
    sourceState: stats.sourceState,
    sourceReason: strings.sourceReason(stats.sourceReason, stats.sourceRetry),
    view: stats.view,
    socketState: stats.socketState,
    origin: stats.hasOrigin ? "known" : "unknown",
    model: stats.modelName,
    picture: stats.pictureSize === null ? "" : `${stats.pictureSize.width}x${stats.pictureSize.height}`,
    mode: stats.mode,
    overlay: settings.hidden ? "off" : settings.look.style,
    layout: settings.layout,
    connection,
    method,
  };
}

let published: readonly string[] = [];

export function publishStats(...args: Parameters<typeof statsToDataset>): void {
  const values = statsToDataset(...args);
  Object.assign(document.documentElement.dataset, values);
  published = Object.keys(values);
}

export function clearStats(): void {
  for (const key of published) Reflect.deleteProperty(document.documentElement.dataset, key);
}
