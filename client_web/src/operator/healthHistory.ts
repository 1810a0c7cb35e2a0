/** What the health page plots: figures of the last ten minutes, made of differences between two readings. */
import { quantileBetween, sumOf, valueOf, type Samples } from "./metricsText";

const MOST_POINTS = 300;
const BYTES_PER_MB = 1_000_000;

/** One moment; null where nothing is known. */
export interface HealthPoint {
  /** Seconds since 1970. */
  readonly at: number;
  readonly maskAgeMedianMs: number | null;
  readonly maskAgeP95Ms: number | null;
  readonly picturesPerS: number | null;
  readonly masksPerS: number | null;
  readonly dropsPerS: number | null;
  readonly serviceMb: number | null;
  readonly workerMb: number | null;
  readonly gpuMb: number | null;
}

export class HealthHistory {
  private readonly held: HealthPoint[] = [];
  private last: { readonly samples: Samples; readonly at: number } | null = null;

  /** The oldest first. */
  get points(): readonly HealthPoint[] {
    return this.held;
  }

  /** Take a reading of `/metrics` at a time in seconds. */
  add(samples: Samples, at: number): void {
    const before = this.last;
    // Counters that fell belong to a service that was started again.
    const isSame = before !== null && sumOf(samples, PICTURES) >= sumOf(before.samples, PICTURES);
    this.held.push(pointOf(isSame ? before : null, samples, at));
    if (this.held.length > MOST_POINTS) this.held.shift();
    this.last = { samples, at };
  }
}

const PICTURES = "sali_frames_received_total";

function pointOf(
  before: { readonly samples: Samples; readonly at: number } | null,
  samples: Samples,
  at: number,
): HealthPoint {
  const rate = (name: string): number | null =>
    before === null ? null : (sumOf(samples, name) - sumOf(before.samples, name)) / Math.max(at - before.at, 1e-3);
  const age = (share: number): number | null => {
    const found = before && quantileBetween(before.samples, samples, "sali_mask_age_seconds", share);
    return found === null ? null : 1000 * found;
  };
  const megabytes = (name: string): number | null => {
    const bytes = valueOf(samples, name);
    return bytes === null ? null : bytes / BYTES_PER_MB;
  };
  return {
    at,
    maskAgeMedianMs: age(0.5),
    maskAgeP95Ms: age(0.95),
    picturesPerS: rate(PICTURES),
    masksPerS: rate("sali_frames_masked_total"),
    dropsPerS: rate("sali_drops_total"),
    serviceMb: megabytes("process_resident_memory_bytes"),
    workerMb: megabytes("sali_worker_memory_bytes"),
    gpuMb: megabytes("sali_device_memory_bytes"),
  };
}
