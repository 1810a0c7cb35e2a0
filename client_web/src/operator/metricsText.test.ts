import { expect, it } from "vitest";
import { parseMetrics, quantileBetween, sumOf, valueOf } from "./metricsText";

/** Cumulative counts of four buckets, as prometheus_client writes them. */
const ages = (counts: readonly number[]): string =>
  ["0.05", "0.1", "0.2", "+Inf"].map((le, i) => `sali_mask_age_seconds_bucket{le="${le}"} ${counts[i]}.0`).join("\n");

it("reads names, labels and values", () => {
  const samples = parseMetrics(
    '# HELP sali_drops_total x\n# TYPE sali_drops_total counter\nsali_drops_total{cause="late"} 3.0\n' +
      'sali_drops_total{cause="mailbox"} 1e+01\nsali_sessions 2.0\nsali_capacity_sessions NaN\n',
  );
  expect(valueOf(samples, "sali_sessions")).toBe(2);
  expect(valueOf(samples, "sali_capacity_sessions")).toBeNull();
  expect(sumOf(samples, "sali_drops_total")).toBe(13);
});

it("finds quantiles of what came between two readings", () => {
  const before = parseMetrics(ages([100, 100, 100, 100]));
  const after = parseMetrics(ages([150, 200, 200, 200]));
  expect(quantileBetween(before, after, "sali_mask_age_seconds", 0.5)).toBeCloseTo(0.05);
  expect(quantileBetween(before, after, "sali_mask_age_seconds", 0.75)).toBeCloseTo(0.075);
  expect(quantileBetween(before, after, "sali_mask_age_seconds", 1)).toBeCloseTo(0.1);
});

it("says nothing where nothing came, and the last bound where something lies above it", () => {
  const before = parseMetrics(ages([1, 1, 1, 1]));
  expect(quantileBetween(before, before, "sali_mask_age_seconds", 0.5)).toBeNull();
  const late = parseMetrics(ages([1, 1, 1, 11]));
  expect(quantileBetween(before, late, "sali_mask_age_seconds", 0.95)).toBeCloseTo(0.2);
});
