/** Messages as the server writes them (docs/protocol.md), to be varied by tests. */
import { encodeRows } from "./cocoRle";

export const BLOB = ["....", ".##.", ".##.", "...."];

export function maskJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "mask",
    sequence: 1,
    pts: 0,
    captured_at_ns: 1,
    age_ms: 60,
    source_size: [480, 640],
    region: [0, 0, 640, 480],
    rle: encodeRows(BLOB),
    polyps: [{ box: [10, 20, 30, 40], area_px: 900, score: 0.9 }],
    ai_state: "active",
    latency_p95_ms: 70,
    ...changes,
  };
}

export function stateJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "state",
    ai_state: "active",
    ai_reason: "",
    source_state: "playing",
    source_reason: "",
    source_retry: null,
    ...changes,
  };
}
