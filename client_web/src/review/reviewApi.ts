/** The reviews of docs/protocol.md: what the server tells of a film, its parts, its masks and its timeline. */
import type { Api } from "../api";
import { asArray, asObject, countField, numberList, oneOf, stringField, type JsonObject } from "../json";
import { parseMask, type MaskMessage } from "../messages";

const STATES = ["reading", "waiting", "computing", "done", "failed"] as const;
const STRETCH_STATES = ["polyp", "clear", "not_looked"] as const;

export interface Review {
  readonly id: string;
  /** Its path on the server; the review is begun again with it when the server was started anew. */
  readonly file: string;
  readonly label: string;
  readonly state: (typeof STATES)[number];
  readonly reason: string;
  /** What WebCodecs calls its coding; null until the first part is there. */
  readonly codec: string | null;
  readonly isReencoded: boolean;
  readonly parts: number;
  readonly isComplete: boolean;
  /** End of the film, as far as it is there; 90 kHz. */
  readonly toPts: number;
  readonly computedToPts: number;
}

/** Pictures from `fromPts` up to `toPts`, decodable by themselves. */
export interface PartSpan {
  readonly fromPts: number;
  readonly toPts: number;
}

export interface Stretch extends PartSpan {
  readonly state: (typeof STRETCH_STATES)[number];
  /** Why it was not looked at: `region`, `step_failed` or a view. */
  readonly cause: string;
}

export interface FindingMark extends PartSpan {
  readonly id: string;
}

export interface Timeline {
  readonly stretches: readonly Stretch[];
  readonly findings: readonly FindingMark[];
  readonly computedToPts: number;
}

export interface MaskChunk {
  readonly masks: readonly MaskMessage[];
  readonly computedToPts: number;
}

export class ReviewApi {
  constructor(private readonly api: Pick<Api, "getJson" | "postJson" | "getBytes">) {}

  async open(file: string): Promise<Review> {
    return parseReview(await this.api.postJson("/v1/reviews", { file }));
  }

  async get(id: string): Promise<Review> {
    return parseReview(await this.api.getJson(reviewPath(id)));
  }

  async parts(id: string, first: number): Promise<PartSpan[]> {
    const answer = asObject(await this.api.getJson(`${reviewPath(id)}/film?first=${first}`), "answer");
    return asArray(answer["parts"], "parts").map((part) => {
      const [fromPts = 0, toPts = 0] = numberList(part, 3, "part");
      return { fromPts, toPts };
    });
  }

  part(id: string, number: number): Promise<ArrayBuffer> {
    return this.api.getBytes(`${reviewPath(id)}/film/${number}`);
  }

  async masks(id: string, { fromPts, toPts }: PartSpan): Promise<MaskChunk> {
    const path = `${reviewPath(id)}/masks?from_pts=${fromPts}&to_pts=${toPts}`;
    const answer = asObject(await this.api.getJson(path), "answer");
    return {
      masks: asArray(answer["masks"], "masks").map((mask) => parseMask(asObject(mask, "mask"))),
      computedToPts: countField(answer, "computed_to_pts"),
    };
  }

  async timeline(id: string): Promise<Timeline> {
    return parseTimeline(await this.api.getJson(`${reviewPath(id)}/timeline`));
  }
}

export function reviewPath(id: string): string {
  return `/v1/reviews/${encodeURIComponent(id)}`;
}

export function reviewAddress(id: string): string {
  return `#/review/${encodeURIComponent(id)}`;
}

export function parseReview(value: unknown): Review {
  const review = asObject(value, "review");
  const film = asObject(review["film"], "film");
  return {
    id: stringField(review, "id"),
    file: stringField(review, "file"),
    label: stringField(review, "label"),
    state: oneOf(stringField(review, "state"), STATES, "state"),
    reason: stringField(review, "reason"),
    codec: film["codec"] === null ? null : stringField(film, "codec"),
    isReencoded: film["is_reencoded"] === true,
    parts: countField(film, "parts"),
    isComplete: film["is_complete"] === true,
    toPts: countField(film, "to_pts"),
    computedToPts: countField(review, "computed_to_pts"),
  };
}

export function parseTimeline(value: unknown): Timeline {
  const timeline = asObject(value, "timeline");
  return {
    stretches: asArray(timeline["stretches"], "stretches").map((entry) => parseStretch(asObject(entry, "stretch"))),
    findings: asArray(timeline["findings"], "findings").map((entry) => parseMark(asObject(entry, "finding"))),
    computedToPts: countField(timeline, "computed_to_pts"),
  };
}

function parseStretch(stretch: JsonObject): Stretch {
  return {
    fromPts: countField(stretch, "from_pts"),
    toPts: countField(stretch, "to_pts"),
    state: oneOf(stringField(stretch, "state"), STRETCH_STATES, "state"),
    cause: stringField(stretch, "cause"),
  };
}

function parseMark(finding: JsonObject): FindingMark {
  return {
    id: stringField(finding, "id"),
    fromPts: countField(finding, "first_seen_pts"),
    toPts: countField(finding, "last_seen_pts"),
  };
}
