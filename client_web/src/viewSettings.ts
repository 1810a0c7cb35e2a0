/** What the keys do to the view, as pure functions. */
import type { ViewSettings } from "./overlayProtocol";
import type { OverlayStyle } from "./overlayRenderer";

const STYLES: readonly OverlayStyle[] = ["outline", "fill", "off"];

export const initialSettings: ViewSettings = { mode: "exact", style: "outline", hidden: false };

export function cycleStyle(settings: ViewSettings): ViewSettings {
  const next = STYLES[(STYLES.indexOf(settings.style) + 1) % STYLES.length] ?? "outline";
  return { ...settings, style: next };
}

export function toggleMode(settings: ViewSettings): ViewSettings {
  return { ...settings, mode: settings.mode === "exact" ? "live" : "exact" };
}

export function hideWhileHeld(settings: ViewSettings, hidden: boolean): ViewSettings {
  return { ...settings, hidden };
}
