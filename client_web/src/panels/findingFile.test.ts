import { expect, it } from "vitest";
import { encodeRows } from "../testing/cocoRle";
import { parseFinding } from "./finding";
import { findingFacts } from "./findingFile";

const still = {
  pts: 5572000,
  picture_size: [4, 4],
  source_size: [4, 4],
  region: [0, 0, 4, 4],
  box: [1, 1, 2, 2],
  rle: encodeRows(["....", ".##.", ".##.", "...."]),
};

it("writes the mask as the server told it, the review, and what this is not", () => {
  const finding = parseFinding({
    id: "f3",
    revision: 2,
    status: "accepted",
    note: "sigmoid",
    is_in_sight: false,
    first_seen_at: "2026-01-01T12:01:00Z",
    first_seen_pts: 5_400_000,
    seen_ms: 1840,
    largest_share: 0.04,
    still,
  });
  expect(findingFacts(finding, "k3")).toEqual({
    notice: "Not a medical device.",
    session: "k3",
    id: "f3",
    status: "accepted",
    note: "sigmoid",
    first_seen_at: "2026-01-01T12:01:00.000Z",
    seen_ms: 1840,
    largest_share: 0.04,
    still,
  });
});
