/** Words of the snapshot. */
import type { Translations } from "./language";

const en = {
  button: "Snapshot",
  label: "save the clean picture and its mask to files",
  saved: (name: string) => `Saved: ${name}`,
  none: "No clean picture can be saved here now.",
};

export const snapshotWords: Translations<typeof en> = {
  en,
  de: {
    button: "Standbild",
    label: "das reine Bild und seine Maske in Dateien sichern",
    saved: (name) => `Gesichert: ${name}`,
    none: "Hier lässt sich jetzt kein reines Bild sichern.",
  },
  zh: {
    button: "截图",
    label: "将原始图像及其掩膜保存为文件",
    saved: (name) => `已保存:${name}`,
    none: "现在无法在此保存原始图像。",
  },
};
