import { expect, it } from "vitest";
import { MaskError, MessageError } from "../errors";
import { encodeRows } from "../testing/cocoRle";
import { parseFinding, parseFindings } from "./finding";

const rle = encodeRows(["....", ".##.", ".##.", "...."]);
const finding = {
  id: "f3",
  revision: 12,
  status: "open",
  note: "",
  track: 17,
  is_in_sight: true,
  first_seen_pts: 5400000,
  first_seen_at: "2026-01-01T12:01:00Z",
  last_seen_pts: 5590000,
  last_seen_at: "2026-01-01T12:01:02.111Z",
  seen_ms: 1840,
  largest_share: 0.0431,
  score: 0.97,
  still: {
    pts: 5572000,
    picture_size: [400, 800],
    source_size: [400, 800],
    region: [0, 0, 800, 400],
    box: [200, 100, 400, 200],
    rle,
  },
};

it("reads a finding and lays its outline over the still", () => {
  const read = parseFinding(finding);
  expect(read.firstSeenAt.toISOString()).toBe("2026-01-01T12:01:00.000Z");
  expect(read).toMatchObject({ id: "f3", revision: 12, status: "open", isInSight: true, seenMs: 1840 });
  const numbers = (read.still?.outline.match(/[\d.]+/g) ?? []).map(Number);
  const xs = numbers.filter((_, index) => index % 2 === 0);
  const ys = numbers.filter((_, index) => index % 2 === 1);
  expect(read.still?.others).toBe("");
  // The mask's four middle cells, in the still's pixels, its corners rounded.
  expect([Math.min(...xs), Math.max(...xs)]).toEqual([expect.closeTo(200, -2), expect.closeTo(600, -2)]);
  expect([Math.min(...ys), Math.max(...ys)]).toEqual([expect.closeTo(100, -2), expect.closeTo(300, -2)]);
});

it("tells the finding's own outline from those of other polyps", () => {
  const two = encodeRows(["##..", "##..", "...#", "...#"]);
  const still = { ...finding.still, rle: two, box: [0, 0, 400, 200] };
  const read = parseFinding({ ...finding, still });
  expect(read.still?.outline.match(/M/g)).toHaveLength(1);
  expect(read.still?.others.match(/M/g)).toHaveLength(1);
});

it("reads a finding whose picture is not written yet", () => {
  expect(parseFindings({ findings: [{ ...finding, still: null }] })[0]?.still).toBeNull();
});

it("refuses what is no finding", () => {
  expect(() => parseFinding({ ...finding, status: "maybe" })).toThrow(MessageError);
  const still = { ...finding.still, rle: { size: [4, 5], counts: rle.counts } };
  expect(() => parseFinding({ ...finding, still })).toThrow(MaskError);
});
