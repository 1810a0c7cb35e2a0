import { expect, it } from "vitest";
import { ApiError, UnreachableError } from "../errors";
import { FakeTime } from "../testing/fakeTime";
import { Polling } from "./polling";

/** Polling whose questions are answered as the script says; an Error is thrown. */
function polling(...script: (number | Error)[]) {
  const time = new FakeTime();
  const told: number[] = [];
  const errors: unknown[] = [];
  const page = { isVisible: true };
  const counts = { asked: 0 };
  const poll = new Polling<number>({
    ask: () => {
      counts.asked++;
      const next = script.shift() ?? counts.asked;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    onAnswer: (answer) => told.push(answer),
    onError: (error) => errors.push(error),
    intervalMs: 200,
    finalCodes: ["memory_not_told"],
    isVisible: () => page.isVisible,
    timers: time,
  });
  const pass = async (ms: number): Promise<void> => {
    time.advance(ms);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { poll, counts, told, errors, page, pass, time };
}

it("asks again an interval after each answer", async () => {
  const bench = polling();
  bench.poll.start();
  await bench.pass(0);
  await bench.pass(199);
  expect(bench.told).toEqual([1]);
  await bench.pass(1);
  expect(bench.told).toEqual([1, 2]);
});

it("asks nothing while the page cannot be seen, and nothing after its end", async () => {
  const bench = polling();
  bench.page.isVisible = false;
  bench.poll.start();
  await bench.pass(1000);
  expect(bench.counts.asked).toBe(0);
  bench.page.isVisible = true;
  await bench.pass(200);
  expect(bench.counts.asked).toBe(1);
  bench.poll.end();
  expect(bench.time.timersWaiting).toBe(0);
});

it("goes on after a failure, more slowly, and stops where asking again cannot help", async () => {
  const bench = polling(new UnreachableError("away"), 7, new ApiError(409, "memory_not_told", "no"));
  bench.poll.start();
  await bench.pass(0);
  await bench.pass(999);
  expect(bench.counts.asked).toBe(1);
  await bench.pass(1);
  expect(bench.told).toEqual([7]);
  await bench.pass(200);
  expect(bench.errors).toHaveLength(2);
  expect(bench.time.timersWaiting).toBe(0);
});

it("stops when the session is gone or the token is refused", async () => {
  for (const status of [401, 404]) {
    const bench = polling(new ApiError(status, "x", "no"));
    bench.poll.start();
    await bench.pass(0);
    expect(bench.time.timersWaiting).toBe(0);
  }
});

it("throws away what comes after the end", async () => {
  const bench = polling();
  bench.poll.start();
  bench.poll.end();
  await bench.pass(0);
  expect(bench.told).toHaveLength(0);
});

it("asks at once when there is news, and again when news came while it asked", async () => {
  const bench = polling();
  bench.poll.start();
  bench.poll.askNow();
  await bench.pass(0);
  expect(bench.told).toEqual([1]);
  await bench.pass(100);
  expect(bench.told).toEqual([1, 2]);
  bench.poll.askNow();
  await bench.pass(0);
  expect(bench.told).toEqual([1, 2, 3]);
  expect(bench.time.timersWaiting).toBe(1);
});

it("asks no more for any news after its end", async () => {
  const bench = polling(new ApiError(404, "x", "no"));
  bench.poll.start();
  await bench.pass(0);
  bench.poll.askNow();
  await bench.pass(1000);
  expect(bench.counts.asked).toBe(1);
});
