/** How times of a film are written. */
import { TICKS_PER_SECOND } from "./filmPlayer";

/** `1:02:03.4`, hours left out where there are none. */
export function showTime(pts: number): string {
  const tenths = Math.floor((10 * pts) / TICKS_PER_SECOND);
  const [hours, minutes, seconds] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, (tenths / 10) % 60];
  const tail = seconds.toFixed(1).padStart(4, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
