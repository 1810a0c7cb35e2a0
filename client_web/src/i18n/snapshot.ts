/** Words of the snapshot. */
import type { Translations } from "./language";

const en = {
  button: "Snapshot",
  label: "save the clean picture and its mask to files",
  saved: "Snapshot saved",
  none: "No clean picture to save",
};

export const snapshotWords: Translations<typeof en> = {
  en,
  de: {
    button: "Standbild",
    label: "das reine Bild und seine Maske in Dateien sichern",
    saved: "Standbild gesichert",
    none: "Kein reines Bild zu sichern",
  },
  zh: {
    button: "截图",
    label: "将原始图像及其掩膜保存为文件",
    saved: "截图已保存",
    none: "没有可保存的原始图像",
  },
};
