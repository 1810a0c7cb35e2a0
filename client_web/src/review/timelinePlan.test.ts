import { expect, it } from "vitest";
import type { Timeline } from "./reviewApi";
import { findingFrom, planTimeline, stretchAt } from "./timelinePlan";

const SECOND = 90_000;
const timeline: Timeline = {
  stretches: [
    { fromPts: 0, toPts: SECOND, state: "not_looked", cause: "region" },
    { fromPts: SECOND, toPts: 4 * SECOND, state: "polyp", cause: "" },
  ],
  findings: [
    { id: "f2", fromPts: 3 * SECOND, toPts: 4 * SECOND },
    { id: "f1", fromPts: SECOND, toPts: 2 * SECOND },
  ],
  computedToPts: 4 * SECOND,
};

it("lays stretches and findings over the film's length", () => {
  const plan = planTimeline(timeline, 8 * SECOND);
  expect(plan.bars).toEqual([
    { left: 0, width: 0.125, state: "not_looked" },
    { left: 0.125, width: 0.375, state: "polyp" },
  ]);
  expect(plan.marks).toEqual([0.375, 0.125]);
  expect(plan.computed).toBe(0.5);
});

it("stays within a film whose end is not known yet", () => {
  expect(planTimeline(timeline, 0).bars.every(({ left, width }) => left === 0 && width === 0)).toBe(true);
  expect(planTimeline(timeline, 2 * SECOND).computed).toBe(1);
});

it("tells what is known of a picture", () => {
  expect(stretchAt(timeline, SECOND - 1)?.cause).toBe("region");
  expect(stretchAt(timeline, SECOND)?.state).toBe("polyp");
  expect(stretchAt(timeline, 4 * SECOND)).toBeNull();
});

it("goes from finding to finding, both ways", () => {
  const from = (pts: number, direction: 1 | -1): number | null => findingFrom(timeline.findings, pts, direction);
  expect(from(0, 1)).toBe(SECOND);
  expect(from(SECOND, 1)).toBe(3 * SECOND);
  expect(from(3 * SECOND, 1)).toBeNull();
  expect(from(3 * SECOND, -1)).toBe(SECOND);
  expect(from(SECOND, -1)).toBeNull();
});
