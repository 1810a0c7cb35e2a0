/** Messages of the mask socket (docs/protocol.md), told apart by `type` and checked on arrival. */
import { MessageError } from "./errors";
import {
  asArray,
  asObject,
  countField,
  numberField,
  numberList,
  oneOf,
  stringField,
  type JsonObject,
} from "./json";

export const MASK_PROTOCOL = "sali.masks.v1";
/** Larger pictures are refused before any memory is spent on them. */
export const MAX_SIDE_PX = 8192;

export const AI_STATES = ["warming", "active", "late", "paused", "failed"] as const;
export type AiState = (typeof AI_STATES)[number];

export const SOURCE_STATES = ["connecting", "playing", "stalled", "reconnecting", "ended", "failed"] as const;
export type SourceState = (typeof SOURCE_STATES)[number];

/** What the pictures show; only unknown, in_body and other_imaging have masks. */
export const VIEWS = [
  "unknown", "in_body", "out_of_body", "no_signal", "frozen", "blank", "bars", "other_imaging",
] as const;
export type View = (typeof VIEWS)[number];

/** [x, y, width, height] in source pixels. */
export type Rect = readonly [number, number, number, number];
/** [height, width] in pixels. */
export type Size = readonly [number, number];

export interface HelloMessage {
  readonly type: "hello";
  readonly session: string;
  readonly max_age_ms: number;
  readonly model_name: string;
}

export interface OriginMessage {
  readonly type: "origin";
  readonly viewer: string;
  /** 32 bit: pts mod 2^32 = (rtpTimestamp - rtp_origin) mod 2^32. */
  readonly rtp_origin: number;
}

/** Pictures from `pts` on have this size. */
export interface SizeMessage {
  readonly type: "size";
  readonly pts: number;
  readonly source_size: Size;
}

export interface Polyp {
  readonly box: Rect;
  readonly area_px: number;
  readonly score: number;
}

export interface MaskMessage {
  readonly type: "mask";
  readonly sequence: number;
  readonly pts: number;
  readonly age_ms: number;
  readonly source_size: Size;
  readonly region: Rect;
  readonly rle: { readonly size: Size; readonly counts: string };
  readonly polyps: readonly Polyp[];
  readonly ai_state: AiState;
  readonly latency_p95_ms: number | null;
}

/** The attempt to connect a source that is under way (in_s 0) or comes in so many seconds. */
export interface SourceRetry {
  readonly attempt: number;
  readonly in_s: number;
}

export interface StateMessage {
  readonly type: "state";
  readonly ai_state: AiState;
  readonly ai_reason: string;
  readonly source_state: SourceState;
  readonly source_reason: string;
  readonly source_retry: SourceRetry | null;
  readonly view: View;
}

/** Of a finding only what the overlay needs; panels ask for the rest. */
export interface FindingMessage {
  readonly type: "finding";
  readonly id: string;
  readonly revision: number;
}

export interface FindingsRemovedMessage {
  readonly type: "findings_removed";
}

export type ServerMessage =
  | HelloMessage
  | OriginMessage
  | SizeMessage
  | MaskMessage
  | StateMessage
  | FindingMessage
  | FindingsRemovedMessage;

export type ClientMessage =
  | { readonly type: "attach"; readonly viewer: string }
  | { readonly type: "repair"; readonly viewer: string }
  | { readonly type: "ack"; readonly sequence: number };

/**
 * Read one text frame of the mask socket.
 *
 * @returns the message, or null for a type this viewer does not know (ignored, as the protocol says).
 * @throws MessageError when a known message lacks a field or holds a wrong one.
 */
export function parseServerMessage(text: string): ServerMessage | null {
  const object = asObject(parseJson(text), "message");
  switch (stringField(object, "type")) {
    case "hello":
      return parseHello(object);
    case "origin":
      return parseOrigin(object);
    case "size":
      return { type: "size", pts: countField(object, "pts"), source_size: sizeOf(object["source_size"], "source_size") };
    case "mask":
      return parseMaskKeepingSequence(object);
    case "state":
      return parseState(object);
    case "finding":
      return parseFinding(object);
    case "findings_removed":
      return { type: "findings_removed" };
    default:
      return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new MessageError("message is not JSON");
  }
}

function parseHello(object: JsonObject): HelloMessage {
  if (stringField(object, "protocol") !== MASK_PROTOCOL) {
    throw new MessageError("the server speaks another mask protocol");
  }
  const model = object["model"];
  return {
    type: "hello",
    session: stringField(object, "session"),
    max_age_ms: numberField(object, "max_age_ms"),
    model_name: model == null ? "" : stringField(asObject(model, "model"), "name"),
  };
}

function parseOrigin(object: JsonObject): OriginMessage {
  const origin = countField(object, "rtp_origin");
  if (origin > 0xffffffff) throw new MessageError("rtp_origin is wider than 32 bit");
  return { type: "origin", viewer: stringField(object, "viewer"), rtp_origin: origin };
}

function parseMaskKeepingSequence(object: JsonObject): MaskMessage {
  try {
    return parseMask(object);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    const sequence = object["sequence"];
    throw new MessageError(error.message, Number.isSafeInteger(sequence) ? (sequence as number) : null);
  }
}

export function parseMask(object: JsonObject): MaskMessage {
  const rle = asObject(object["rle"], "rle");
  const age = numberField(object, "age_ms");
  if (age < 0) throw new MessageError("age_ms is negative");
  const latency = object["latency_p95_ms"];
  return {
    type: "mask",
    sequence: countField(object, "sequence"),
    pts: countField(object, "pts"),
    age_ms: age,
    source_size: sizeOf(object["source_size"], "source_size"),
    region: rectOf(object["region"], "region"),
    rle: { size: sizeOf(rle["size"], "rle.size"), counts: stringField(rle, "counts") },
    polyps: asArray(object["polyps"] ?? [], "polyps").map(parsePolyp),
    ai_state: oneOf(stringField(object, "ai_state"), AI_STATES, "ai_state"),
    latency_p95_ms: latency == null ? null : numberField(object, "latency_p95_ms"),
  };
}

function parsePolyp(value: unknown): Polyp {
  const object = asObject(value, "polyp");
  return {
    box: rectOf(object["box"], "polyp.box"),
    area_px: numberField(object, "area_px"),
    score: numberField(object, "score"),
  };
}

function parseFinding(object: JsonObject): FindingMessage {
  const finding = asObject(object["finding"], "finding");
  return { type: "finding", id: stringField(finding, "id"), revision: countField(finding, "revision") };
}

function parseState(object: JsonObject): StateMessage {
  return {
    type: "state",
    ai_state: oneOf(stringField(object, "ai_state"), AI_STATES, "ai_state"),
    ai_reason: stringField(object, "ai_reason"),
    source_state: oneOf(stringField(object, "source_state"), SOURCE_STATES, "source_state"),
    source_reason: stringField(object, "source_reason"),
    source_retry: parseRetry(object["source_retry"]),
    view: VIEWS.find((view) => view === object["view"]) ?? "unknown",
  };
}

/** Null where the server tells of no attempt. */
export function parseRetry(value: unknown): SourceRetry | null {
  if (value === null || value === undefined) return null;
  const object = asObject(value, "source_retry");
  return { attempt: countField(object, "attempt", 1), in_s: countField(object, "in_s") };
}

function sizeOf(value: unknown, what: string): Size {
  const [height, width] = numberList(value, 2, what) as [number, number];
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE_PX) {
      throw new MessageError(`${what} is outside 1..${MAX_SIDE_PX}`);
    }
  }
  return [height, width];
}

function rectOf(value: unknown, what: string): Rect {
  const rect = numberList(value, 4, what) as [number, number, number, number];
  if (rect[2] <= 0 || rect[3] <= 0) throw new MessageError(`${what} is empty`);
  return rect;
}
