import { expect, it } from "vitest";
import { HealthHistory } from "./healthHistory";
import { parseMetrics, type Samples } from "./metricsText";

const reading = (pictures: number, drops: number, more = ""): Samples =>
  parseMetrics(`sali_frames_received_total ${pictures}\nsali_drops_total{cause="late"} ${drops}\n${more}`);

it("makes rates of two readings, none of one", () => {
  const history = new HealthHistory();
  history.add(reading(100, 1), 10);
  history.add(reading(150, 3), 12);
  expect(history.points.map((point) => point.picturesPerS)).toEqual([null, 25]);
  expect(history.points[1]?.dropsPerS).toBe(1);
  expect(history.points[1]?.maskAgeP95Ms).toBeNull();
});

it("does not take a restarted service for a fall", () => {
  const history = new HealthHistory();
  history.add(reading(1000, 5), 10);
  history.add(reading(20, 0), 12);
  history.add(reading(70, 0), 14);
  expect(history.points.map((point) => point.picturesPerS)).toEqual([null, null, 25]);
});

it("tells memory in megabytes where it is known", () => {
  const history = new HealthHistory();
  history.add(reading(0, 0, "process_resident_memory_bytes 2.5e+08\nsali_device_memory_bytes NaN"), 1);
  expect(history.points[0]).toMatchObject({ serviceMb: 250, workerMb: null, gpuMb: null });
});

it("keeps ten minutes", () => {
  const history = new HealthHistory();
  for (let i = 0; i < 400; i++) history.add(reading(i, 0), 2 * i);
  expect(history.points).toHaveLength(300);
  expect(history.points[0]?.at).toBe(200);
});
