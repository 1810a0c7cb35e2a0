/** Which key or pedal does what, where it differs from what was delivered; kept in this browser. */
const KEY = "sali.keys";

/** Key names by command id. */
export type KeyMap = Readonly<Record<string, string>>;

interface KeyPress {
  readonly key: string;
  readonly code: string;
}

/** The name of a key: what it types, in lower case; its place where it types nothing of use. */
export function keyOf({ key, code }: KeyPress): string {
  // An input method (Chinese among them) hides what the key would have typed.
  if (key === "Process" || key === "Unidentified" || key === "Dead") return code.replace(/^(Key|Digit)/, "").toLowerCase();
  return key.toLowerCase();
}

/** Keys that move about the page or end things everywhere: no command takes them over. */
const RESERVED: readonly string[] = ["escape", "tab", "shift", "control", "alt", "meta", "capslock", "altgraph"];

export function isAssignable(key: string): boolean {
  return key !== "" && !RESERVED.includes(key);
}

/** @param part of the pages whose keys are meant; the live viewer's by default. */
export function loadKeyMap(storage: Pick<Storage, "getItem">, part = ""): KeyMap {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY + part) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    const valid = Object.entries(kept).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && isAssignable(entry[1]),
    );
    return Object.fromEntries(valid);
  } catch {
    // Written by hand or cut off: the keys as delivered.
    return {};
  }
}

export function saveKeyMap(storage: Pick<Storage, "setItem">, keys: KeyMap, part = ""): void {
  storage.setItem(KEY + part, JSON.stringify(keys));
}

/** A key as people read it. */
export function showKey(key: string, names: Readonly<Partial<Record<string, string>>>): string {
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key.charAt(0).toUpperCase() + key.slice(1));
}
