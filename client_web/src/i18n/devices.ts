/** Words of the list of capture devices. */
import type { Translations } from "./language";

const en = {
  found: "Devices of the server",
  looking: "Looking for devices…",
  none: "No capture device was found on the server.",
  driversChoice: "as its driver likes it",
};

export const deviceWords: Translations<typeof en> = {
  en,
  de: {
    found: "Geräte des Servers",
    looking: "Geräte werden gesucht …",
    none: "Auf dem Server wurde kein Aufnahmegerät gefunden.",
    driversChoice: "wie sein Treiber es will",
  },
  zh: {
    found: "服务器上的设备",
    looking: "正在查找设备……",
    none: "服务器上未找到采集设备。",
    driversChoice: "由驱动程序决定",
  },
};
