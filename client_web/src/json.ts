/** Narrowing of parsed JSON, one field at a time; every failure names the field. */
import { MessageError } from "./errors";

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MessageError(`${what} is not an object`);
  }
  return value as JsonObject;
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new MessageError(`${what} is not a list`);
  return value as readonly unknown[];
}

export function stringField(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== "string") throw new MessageError(`${key} is not a string`);
  return value;
}

export function numberField(object: JsonObject, key: string): number {
  const value = object[key];
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new MessageError(`${key} is not a finite number`);
  }
  return value;
}

/** A whole number from `min` on that a double holds exactly. */
export function countField(object: JsonObject, key: string, min = 0): number {
  const value = numberField(object, key);
  if (!Number.isSafeInteger(value) || value < min) {
    throw new MessageError(`${key} is not a whole number >= ${min}`);
  }
  return value;
}

/** Exactly `length` finite numbers. */
export function numberList(value: unknown, length: number, what: string): number[] {
  const items = asArray(value, what);
  if (items.length !== length) throw new MessageError(`${what} does not have ${length} numbers`);
  return items.map((item) => {
    if (typeof item !== "number" || !Number.isFinite(item)) {
      throw new MessageError(`${what} holds something else than numbers`);
    }
    return item;
  });
}

export function oneOf<T extends string>(value: string, allowed: readonly T[], what: string): T {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw new MessageError(`${what} is unknown: ${value.slice(0, 40)}`);
  return found;
}
