/** Time is injected everywhere, so that tests can move it by hand. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start. */
  now(): number;
}

export const systemClock: Clock = { now: () => performance.now() };

/** Steps when it is set; only good for telling that the machine slept. */
export const systemTimeOfDay: Clock = { now: () => Date.now() };

/** One-shot timers, injected for the same reason. */
export interface Timers {
  set(callback: () => void, delayMs: number): number;
  clear(id: number): void;
}

export const systemTimers: Timers = {
  set: (callback, delayMs) => setTimeout(callback, delayMs),
  clear: (id) => clearTimeout(id),
};
