/** What `GET /v1/sessions/{id}/memory` tells (docs/protocol.md), checked. */
import { MessageError } from "../errors";
import { asArray, asObject, countField, numberField, numberList, stringField } from "../json";

/** A frame in memory and its share of the network's attention. */
export interface MemoryFrame {
  readonly sequence: number;
  readonly ageS: number;
  readonly share: number;
  /** Share of its picture that the mask covered. */
  readonly area: number;
  readonly hasPicture: boolean;
}

/** Where in one frame the network looks: a byte a cell, rows first; 128 is an even share, 32 more twice as much. */
export interface MemoryMap {
  readonly sequence: number;
  readonly width: number;
  readonly height: number;
  readonly levels: Uint8Array;
}

export interface MemoryReading {
  readonly sequence: number;
  /** The oldest first. */
  readonly frames: readonly MemoryFrame[];
  /** False from engines that tell the shares of whole frames only. */
  readonly hasMaps: boolean;
  readonly map: MemoryMap | null;
}

export function parseMemoryReading(value: unknown): MemoryReading {
  const object = asObject(value, "memory");
  return {
    sequence: countField(object, "sequence"),
    frames: asArray(object["frames"], "frames").map(parseFrame),
    hasMaps: object["has_maps"] === true,
    map: parseMap(object["map"]),
  };
}

function parseFrame(value: unknown): MemoryFrame {
  const frame = asObject(value, "frame");
  return {
    sequence: countField(frame, "sequence"),
    ageS: numberField(frame, "age_s"),
    share: numberField(frame, "share"),
    area: numberField(frame, "area"),
    hasPicture: frame["has_picture"] === true,
  };
}

function parseMap(value: unknown): MemoryMap | null {
  if (value === null || value === undefined) return null;
  const map = asObject(value, "map");
  const [height = 0, width = 0] = numberList(map["size"], 2, "size");
  const levels = Uint8Array.from(atob(stringField(map, "levels")), (letter) => letter.charCodeAt(0));
  if (levels.length !== width * height) throw new MessageError("the map does not fill its size");
  return { sequence: countField(map, "sequence"), width, height, levels };
}

const EVEN_LEVEL = 128;
/** Four times the even share, or a quarter of it, is as opaque as it gets. */
const FULL_LEVELS = 64;
const MOST_OPAQUE = 200;
const MORE = [255, 225, 77] as const;
const LESS = [40, 90, 255] as const;

/** RGBA of a map laid over its frame: yellow for more than an even share, blue for less, clear between. */
export function mapPixels(map: MemoryMap): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * map.levels.length);
  map.levels.forEach((level, cell) => {
    const above = level - EVEN_LEVEL;
    const opacity = MOST_OPAQUE * Math.min(1, Math.abs(above) / FULL_LEVELS);
    pixels.set([...(above > 0 ? MORE : LESS), opacity], 4 * cell);
  });
  return pixels;
}
