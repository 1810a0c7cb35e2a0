/** Where marks of a film lie on a timeline, in shares of its length. Pure. */
import type { FindingMark, Stretch, Timeline } from "./reviewApi";

export interface TimelineBar {
  readonly left: number;
  readonly width: number;
  readonly state: Stretch["state"];
}

export interface TimelinePlan {
  readonly bars: readonly TimelineBar[];
  /** Where findings were first seen. */
  readonly marks: readonly number[];
  /** From where on nothing is computed. */
  readonly computed: number;
}

export function planTimeline({ stretches, findings, computedToPts }: Timeline, toPts: number): TimelinePlan {
  const share = (pts: number): number => (toPts > 0 ? Math.min(1, Math.max(0, pts / toPts)) : 0);
  return {
    bars: stretches.map(({ fromPts, toPts: end, state }) => ({
      left: share(fromPts),
      width: share(end) - share(fromPts),
      state,
    })),
    marks: findings.map(({ fromPts }) => share(fromPts)),
    computed: share(computedToPts),
  };
}

/** What is known of the picture of a time; null where nothing is computed yet. */
export function stretchAt({ stretches }: Timeline, pts: number): Stretch | null {
  return stretches.find(({ fromPts, toPts }) => fromPts <= pts && pts < toPts) ?? null;
}

/** Two findings seen within this time of each other count as one place. */
const SAME_PLACE_TICKS = 9_000;

/** The start of the next finding, or of the one before; null if there is none. */
export function findingFrom(findings: readonly FindingMark[], pts: number, direction: 1 | -1): number | null {
  const starts = findings.map(({ fromPts }) => fromPts).sort((a, b) => a - b);
  const ahead = starts.filter((start) => (direction > 0 ? start > pts : start < pts - SAME_PLACE_TICKS));
  return ahead.at(direction > 0 ? 0 : -1) ?? null;
}
