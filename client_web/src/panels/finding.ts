/** A finding as `GET /v1/sessions/{id}/findings` tells it (docs/protocol.md), checked. */
import { asArray, asObject, countField, numberField, numberList, oneOf, stringField, type JsonObject } from "../json";
import { createMaskShape } from "../maskShape";
import type { Rectangle } from "../pictureGeometry";

const STATUSES = ["open", "accepted", "rejected"] as const;
export type FindingStatus = (typeof STATUSES)[number];

export interface FindingStill {
  readonly pts: number;
  readonly width: number;
  readonly height: number;
  /** Edges in the still's own pixels, as the data of SVG paths: of the finding itself, and of other polyps. */
  readonly outline: string;
  readonly others: string;
  /** As the server tells it: the mask's run lengths, the region, the box. */
  readonly facts: JsonObject;
}

export interface Finding {
  readonly id: string;
  readonly revision: number;
  readonly status: FindingStatus;
  readonly note: string;
  readonly isInSight: boolean;
  readonly firstSeenAt: Date;
  /** On the session's or the film's clock, 90 kHz. */
  readonly firstSeenPts: number;
  readonly seenMs: number;
  /** Share of the picture, 0 to 1. */
  readonly largestShare: number;
  /** Null until its picture is written. */
  readonly still: FindingStill | null;
}

export function parseFindings(value: unknown): Finding[] {
  return asArray(asObject(value, "answer")["findings"], "findings").map(parseFinding);
}

export function parseFinding(value: unknown): Finding {
  const finding = asObject(value, "finding");
  return {
    id: stringField(finding, "id"),
    revision: countField(finding, "revision"),
    status: oneOf(stringField(finding, "status"), STATUSES, "status"),
    note: stringField(finding, "note"),
    isInSight: finding["is_in_sight"] === true,
    firstSeenAt: new Date(stringField(finding, "first_seen_at")),
    firstSeenPts: countField(finding, "first_seen_pts"),
    seenMs: numberField(finding, "seen_ms"),
    largestShare: numberField(finding, "largest_share"),
    still: finding["still"] === null ? null : parseStill(finding["still"]),
  };
}

/** @throws MaskError when the mask does not fit its size. */
function parseStill(value: unknown): FindingStill {
  const still = asObject(value, "still");
  const rle = asObject(still["rle"], "rle");
  const [height = 0, width = 0] = numberList(still["picture_size"], 2, "picture_size");
  const [rows = 0, columns = 0] = numberList(rle["size"], 2, "size");
  const shape = createMaskShape({
    rle: { size: [rows, columns], counts: stringField(rle, "counts") },
    region: [0, 0, width, height],
    source_size: [height, width],
  });
  const isOwn = insideOf(boxInStill(still, width, height));
  const pathsOf = (wanted: boolean): string =>
    shape.polygons.filter((polygon) => isOwn(polygon) === wanted).map(pathOf).join("");
  const pts = countField(still, "pts");
  return { pts, width, height, outline: pathsOf(true), others: pathsOf(false), facts: still };
}

/** The finding's box, which is told in source pixels. */
function boxInStill(still: JsonObject, width: number, height: number): Rectangle {
  const [left = 0, top = 0, regionWidth = 1, regionHeight = 1] = numberList(still["region"], 4, "region");
  const [x = 0, y = 0, boxWidth = 0, boxHeight = 0] = numberList(still["box"], 4, "box");
  const [scaleX, scaleY] = [width / regionWidth, height / regionHeight];
  return [(x - left) * scaleX, (y - top) * scaleY, boxWidth * scaleX, boxHeight * scaleY];
}

/** Whether a polygon's middle lies in a box. */
function insideOf([left, top, width, height]: Rectangle): (polygon: Float32Array) => boolean {
  return (polygon) => {
    const xs = polygon.filter((_, index) => index % 2 === 0);
    const ys = polygon.filter((_, index) => index % 2 === 1);
    const x = (Math.min(...xs) + Math.max(...xs)) / 2;
    const y = (Math.min(...ys) + Math.max(...ys)) / 2;
    return x >= left && x <= left + width && y >= top && y <= top + height;
  };
}

function pathOf(polygon: Float32Array): string {
  const points: string[] = [];
  for (let i = 0; i + 1 < polygon.length; i += 2) {
    points.push(`${(polygon[i] ?? 0).toFixed(1)} ${(polygon[i + 1] ?? 0).toFixed(1)}`);
  }
  return `M${points.join("L")}Z`;
}
