/** How this browser shows pictures: what the keys do to it, as pure functions, and where it is kept. */
import type { ViewSettings } from "./overlayProtocol";
import {
  LINE_WIDTHS,
  OPACITIES,
  OVERLAY_COLORS,
  OVERLAY_STYLES,
  VIEW_LAYOUTS,
  type OverlayLook,
} from "./overlayLook";

const KEY = "sali.view";
const MODES = ["exact", "live"] as const;

export const initialSettings: ViewSettings = {
  mode: "exact",
  look: { style: "outline", color: "teal", width: "normal", opacity: 1 },
  layout: "single",
  chime: false,
  hidden: false,
};

/** Read what was kept; whatever is missing or unknown is as delivered. */
export function loadSettings(storage: Pick<Storage, "getItem">): ViewSettings {
  const kept = parseKept(storage.getItem(KEY));
  const { look, mode, layout } = initialSettings;
  return {
    mode: known(kept["mode"], MODES, mode),
    look: {
      style: known(kept["style"], OVERLAY_STYLES, look.style),
      color: known(kept["color"], OVERLAY_COLORS, look.color),
      width: known(kept["width"], LINE_WIDTHS, look.width),
      opacity: known(kept["opacity"], OPACITIES, look.opacity),
    },
    layout: known(kept["layout"], VIEW_LAYOUTS, layout),
    chime: kept["chime"] === true,
    hidden: false,
  };
}

export function saveSettings(storage: Pick<Storage, "setItem">, { mode, look, layout, chime }: ViewSettings): void {
  storage.setItem(KEY, JSON.stringify({ mode, layout, chime, ...look }));
}

export function changeLook(settings: ViewSettings, change: Partial<OverlayLook>): ViewSettings {
  return { ...settings, look: { ...settings.look, ...change } };
}

export function cycleStyle(settings: ViewSettings): ViewSettings {
  return changeLook(settings, { style: after(settings.look.style, OVERLAY_STYLES) });
}

export function toggleMode(settings: ViewSettings): ViewSettings {
  return { ...settings, mode: after(settings.mode, MODES) };
}

export function toggleLayout(settings: ViewSettings): ViewSettings {
  return { ...settings, layout: after(settings.layout, VIEW_LAYOUTS) };
}

export function hideWhileHeld(settings: ViewSettings, hidden: boolean): ViewSettings {
  return { ...settings, hidden };
}

function after<T>(value: T, choices: readonly T[]): T {
  return choices[(choices.indexOf(value) + 1) % choices.length] ?? value;
}

function known<T>(value: unknown, choices: readonly T[], fallback: T): T {
  return choices.find((choice) => choice === value) ?? fallback;
}

function parseKept(text: string | null): Readonly<Record<string, unknown>> {
  if (text === null) return {};
  try {
    const kept: unknown = JSON.parse(text);
    return typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
  } catch {
    // Written by hand or cut off: as delivered.
    return {};
  }
}
