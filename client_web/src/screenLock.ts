/** Keeps the screen from going dark while a session is watched, where the browser can. */
import { describeError } from "./errors";

/** @returns a function that lets the screen go. */
export function keepScreenOn(): () => void {
  let lock: WakeLockSentinel | null = null;
  let isOver = false;
  const take = (): void => {
    if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    navigator.wakeLock
      .request("screen")
      .then((taken) => {
        lock = taken;
        if (isOver) void taken.release();
      })
      .catch((error: unknown) => console.info(`screen lock: ${describeError(error)}`));
  };
  // The browser takes the lock away whenever the page is hidden.
  document.addEventListener("visibilitychange", take);
  take();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", take);
    void lock?.release();
  };
}
