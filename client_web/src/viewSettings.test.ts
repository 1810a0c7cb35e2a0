import { describe, expect, it } from "vitest";
import {
  changeLook,
  cycleStyle,
  hideWhileHeld,
  initialSettings,
  loadSettings,
  saveSettings,
  toggleLayout,
  toggleMode,
} from "./viewSettings";

function storageOf(text: string | null): { getItem: () => string | null; setItem: (key: string, value: string) => void } {
  let kept = text;
  return { getItem: () => kept, setItem: (_key, value) => (kept = value) };
}

describe("view settings", () => {
  it("start exact, with outlines, one picture", () => {
    expect(loadSettings(storageOf(null))).toEqual(initialSettings);
    expect(initialSettings).toMatchObject({ mode: "exact", layout: "single", chime: false, hidden: false });
    expect(initialSettings.look).toEqual({ style: "outline", color: "teal", width: "normal", opacity: 1 });
  });

  it("cycle through outline, fill, corners, off", () => {
    const styles = [];
    let settings = initialSettings;
    for (let i = 0; i < 5; i++) {
      styles.push(settings.look.style);
      settings = cycleStyle(settings);
    }
    expect(styles).toEqual(["outline", "fill", "box", "off", "outline"]);
  });

  it("switch mode and layout there and back, and hide without losing the style", () => {
    const live = toggleMode(cycleStyle(initialSettings));
    expect(live).toMatchObject({ mode: "live", look: { style: "fill" } });
    expect(toggleMode(live).mode).toBe("exact");
    expect(toggleLayout(live).layout).toBe("beside");
    expect(toggleLayout(toggleLayout(live))).toEqual(live);
    expect(hideWhileHeld(live, true)).toEqual({ ...live, hidden: true });
  });

  it("are kept, all but the held key", () => {
    const storage = storageOf(null);
    const chosen = {
      ...toggleLayout(toggleMode(changeLook(initialSettings, { color: "yellow", width: "thick", opacity: 0.6 }))),
      chime: true,
    };
    saveSettings(storage, hideWhileHeld(chosen, true));
    expect(loadSettings(storage)).toEqual(chosen);
  });

  it.each(["", "null", "[1", '{"style":"plaid","opacity":7,"mode":3,"color":"red","chime":"yes"}'])(
    "are as delivered where %j was kept",
    (text) => {
      expect(loadSettings(storageOf(text))).toEqual(initialSettings);
    },
  );
});
