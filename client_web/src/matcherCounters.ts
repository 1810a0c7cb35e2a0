/** What became of the frames of a session. */

/** Why a frame left the screen without its mask (exact mode). */
export type UnmaskedCause = "no_origin" | "ai_inactive" | "too_old" | "not_arrived";

export interface MatcherCounters {
  framesReceived: number;
  framesDrawn: number;
  framesWithMask: number;
  lateMasks: number;
  droppedFrames: number;
  /** Frames not shown because they cannot be what was sent. */
  spoiledFrames: number;
  /** How often such frames had to be shown, because no others came. */
  doubtedSizes: number;
  readonly unmasked: Record<UnmaskedCause, number>;
}

export function createCounters(): MatcherCounters {
  return {
    framesReceived: 0,
    framesDrawn: 0,
    framesWithMask: 0,
    lateMasks: 0,
    droppedFrames: 0,
    spoiledFrames: 0,
    doubtedSizes: 0,
    unmasked: { no_origin: 0, ai_inactive: 0, too_old: 0, not_arrived: 0 },
  };
}
