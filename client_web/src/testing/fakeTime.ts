/** A clock and timers moved by hand. */
import type { Clock, Timers } from "../clock";

export class FakeTime implements Clock, Timers {
  private current = 1000;
  private nextId = 1;
  private readonly pending = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.current;
  }

  set(callback: () => void, delayMs: number): number {
    const id = this.nextId++;
    this.pending.set(id, { at: this.current + delayMs, callback });
    return id;
  }

  clear(id: number): void {
    this.pending.delete(id);
  }

  get timersWaiting(): number {
    return this.pending.size;
  }

  /** Move on, running timers in the order in which they fall due. */
  advance(byMs: number): void {
    const end = this.current + byMs;
    for (;;) {
      const due = [...this.pending].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (due === undefined) break;
      this.pending.delete(due[0]);
      this.current = Math.max(this.current, due[1].at);
      due[1].callback();
    }
    this.current = end;
  }
}
