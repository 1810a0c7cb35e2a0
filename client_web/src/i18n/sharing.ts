/** Words about sharing this browser's camera or screen. */
import type { SharedKind } from "../sharing";
import type { Translations } from "./language";

interface SharingWords {
  readonly kinds: Readonly<Record<SharedKind, string>>;
  readonly sharing: Readonly<Record<SharedKind, (name: string) => string>>;
  readonly connecting: string;
  readonly waiting: (reason: string) => string;
  readonly stop: string;
  readonly refused: Readonly<Record<SharedKind, string>>;
  readonly missing: Readonly<Record<SharedKind, string>>;
  readonly inUse: Readonly<Record<SharedKind, string>>;
  readonly insecure: string;
  readonly nothingCaptured: string;
  readonly failed: (reason: string) => string;
  readonly stays: string;
}

export const sharingWords: Translations<SharingWords> = {
  en: {
    kinds: { camera: "This browser's camera", screen: "This browser's screen" },
    sharing: {
      camera: (name) => `This browser's camera is shared as "${name}".`,
      screen: (name) => `This browser's screen is shared as "${name}".`,
    },
    connecting: "Connecting…",
    waiting: (reason) => `Interrupted (${reason}). Trying again…`,
    stop: "Stop sharing",
    refused: {
      camera: "The camera was not given to this page; allow it in the browser's address bar.",
      screen: "No screen or window was chosen.",
    },
    missing: { camera: "This device has no camera.", screen: "There is no screen to share." },
    inUse: {
      camera: "The camera cannot be opened; another program may be using it.",
      screen: "The screen cannot be captured.",
    },
    insecure: "Browsers share cameras and screens over HTTPS only, or with a server on the same machine.",
    nothingCaptured: "The browser gave no video.",
    failed: (reason) => `The browser cannot share: ${reason}`,
    stays: "It goes on while this window is open, whatever page is shown in it.",
  },
  de: {
    kinds: { camera: "Kamera dieses Browsers", screen: "Bildschirm dieses Browsers" },
    sharing: {
      camera: (name) => `Die Kamera dieses Browsers wird als „${name}“ geteilt.`,
      screen: (name) => `Der Bildschirm dieses Browsers wird als „${name}“ geteilt.`,
    },
    connecting: "Wird verbunden …",
    waiting: (reason) => `Unterbrochen (${reason}). Neuer Versuch …`,
    stop: "Nicht mehr teilen",
    refused: {
      camera: "Die Seite darf die Kamera nicht benutzen; in der Adresszeile des Browsers erlauben.",
      screen: "Es wurde kein Bildschirm oder Fenster gewählt.",
    },
    missing: { camera: "Dieses Gerät hat keine Kamera.", screen: "Es gibt keinen Bildschirm zum Teilen." },
    inUse: {
      camera: "Die Kamera lässt sich nicht öffnen; vielleicht benutzt sie ein anderes Programm.",
      screen: "Der Bildschirm lässt sich nicht aufnehmen.",
    },
    insecure: "Browser teilen Kamera und Bildschirm nur über HTTPS oder mit einem Server auf demselben Gerät.",
    nothingCaptured: "Der Browser gab kein Video her.",
    failed: (reason) => `Der Browser kann nicht teilen: ${reason}`,
    stays: "Das geht weiter, solange dieses Fenster offen ist, welche Seite es auch zeigt.",
  },
  zh: {
    kinds: { camera: "此浏览器的摄像头", screen: "此浏览器的屏幕" },
    sharing: {
      camera: (name) => `此浏览器的摄像头正以“${name}”共享。`,
      screen: (name) => `此浏览器的屏幕正以“${name}”共享。`,
    },
    connecting: "正在连接…",
    waiting: (reason) => `已中断(${reason})。正在重试…`,
    stop: "停止共享",
    refused: { camera: "此页面未获摄像头权限;请在浏览器地址栏中允许。", screen: "未选择屏幕或窗口。" },
    missing: { camera: "此设备没有摄像头。", screen: "没有可共享的屏幕。" },
    inUse: { camera: "无法打开摄像头;可能正被其他程序使用。", screen: "无法捕获屏幕。" },
    insecure: "浏览器仅在 HTTPS 或服务器位于本机时才能共享摄像头和屏幕。",
    nothingCaptured: "浏览器未提供视频。",
    failed: (reason) => `浏览器无法共享:${reason}`,
    stays: "只要此窗口保持打开,无论显示哪个页面,共享都会继续。",
  },
};
