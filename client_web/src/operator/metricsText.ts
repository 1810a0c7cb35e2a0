/** Reads Prometheus's text format as far as the health page needs it. */

/** Value of each sample by its name and labels as written: `sali_drops_total{cause="late"}`. */
export type Samples = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    const value = Number(line.slice(space + 1).replace("+Inf", "Infinity"));
    if (space > 0 && !Number.isNaN(value)) samples.set(line.slice(0, space), value);
  }
  return samples;
}

/** A gauge or counter without labels; null where it is not known. */
export function valueOf(samples: Samples, name: string): number | null {
  return samples.get(name) ?? null;
}

/** Sum over all labels. */
export function sumOf(samples: Samples, name: string): number {
  let sum = 0;
  for (const [key, value] of samples) if (key === name || key.startsWith(`${name}{`)) sum += value;
  return sum;
}

/**
 * A quantile of what a histogram observed between two readings, linear within its bucket; null if that
 * was nothing. What lies above the last bound counts as that bound.
 */
export function quantileBetween(before: Samples, after: Samples, name: string, share: number): number | null {
  const buckets = bucketsOf(after, name)
    .map(([bound, count]) => ({ bound, count: count - (before.get(bucketKey(name, bound)) ?? 0) }))
    .sort((one, other) => Number(one.bound) - Number(other.bound));
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return null;
  const wanted = share * total;
  let low = 0;
  let below = 0;
  for (const { bound, count } of buckets) {
    const high = Number(bound);
    if (count >= wanted) {
      if (!Number.isFinite(high)) return low;
      return low + ((high - low) * (wanted - below)) / (count - below);
    }
    [low, below] = [Number.isFinite(high) ? high : low, count];
  }
  return low;
}

/** Bounds as written, and cumulative counts. */
function bucketsOf(samples: Samples, name: string): [string, number][] {
  const found: [string, number][] = [];
  for (const [key, value] of samples) {
    const bound = key.startsWith(`${name}_bucket{`) ? /le="([^"]+)"/.exec(key)?.[1] : undefined;
    if (bound !== undefined) found.push([bound.replace("+Inf", "Infinity"), value]);
  }
  return found;
}

function bucketKey(name: string, bound: string): string {
  return `${name}_bucket{le="${bound.replace("Infinity", "+Inf")}"}`;
}
