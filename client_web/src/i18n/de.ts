/** German. */
import type { ShownAiState } from "../aiWatch";
import type { MatchMode } from "../frameMatcher";
import type { SourceRetry, SourceState } from "../messages";
import type { LineWidth, OverlayColor, OverlayStyle, ViewLayout } from "../overlayLook";
import type { Strings } from "./en";
import { createReasonTranslator } from "./serverReasons";

const aiStates: Record<ShownAiState, string> = {
  active: "KI AKTIV",
  warming: "KI STARTET",
  late: "KI VERSPÄTET",
  paused: "KI PAUSIERT",
  failed: "KI AUSGEFALLEN",
  lost: "KI GETRENNT",
};

const aiReasons: Record<ShownAiState, string> = {
  active: "",
  warming: "wird vorbereitet",
  late: "Masken kommen zu spät, um gezeigt zu werden",
  paused: "nichts zu tun",
  failed: "der Rechenprozess ging verloren; er kommt von selbst wieder",
  lost: "der Server meldet sich nicht",
};

const translateReason = createReasonTranslator("de");

const sourceStates: Record<SourceState, string> = {
  connecting: "Quelle wird verbunden",
  playing: "läuft",
  stalled: "Quelle stockt",
  reconnecting: "Quelle wird neu verbunden",
  ended: "Quelle beendet",
  failed: "Quelle ausgefallen",
};

const modes: Record<MatchMode, string> = { exact: "genau", live: "sofort" };
const styles: Record<OverlayStyle, string> = {
  outline: "Umriss",
  fill: "Fläche",
  box: "Ecken",
  off: "ohne Markierung",
};
const colors: Record<OverlayColor, string> = {
  teal: "Türkis",
  yellow: "Gelb",
  white: "Weiß",
  blue: "Hellblau",
};
const widths: Record<LineWidth, string> = { thin: "dünn", normal: "normal", thick: "dick" };
const layouts: Record<ViewLayout, string> = { single: "ein Bild", beside: "reines Bild daneben" };

function nextAttempt(retry: SourceRetry): string {
  return retry.in_s === 0 ? `Versuch ${retry.attempt} läuft` : `Versuch ${retry.attempt} in ${retry.in_s} s`;
}

export const de: Strings = {
  product: "SALI Live",
  notMedical: "Kein Medizinprodukt",
  sessions: "Sitzungen",
  wall: "Übersicht",
  pages: "Seiten",
  noSessions: "Es läuft keine Sitzung. Unten lässt sich eine beginnen.",
  noRooms: "Es läuft keine Sitzung.",
  roomsWithoutVideo: (limit) => `Video nur von den ersten ${limit} Sitzungen, Zustände von allen.`,
  loading: "Der Server wird gefragt …",
  unreachable: "Der Server antwortet nicht. Neuer Versuch …",
  open: "Öffnen",
  end: "Beenden",
  confirmEnd: (name) => `Die Sitzung „${name}“ für alle beenden?`,
  newSession: "Sitzung beginnen",
  start: "Beginnen",
  starting: "Beginnt …",
  name: "Name",
  namePlaceholder: "Raum 1",
  source: "Quelle",
  sourceKinds: {
    demo: "Vorführszene",
    file: "Videodatei auf dem Server",
    rtsp: "RTSP-Kamera",
    capture: "Aufnahmegerät des Servers",
    whip: "WHIP-Sender",
    frames: "Bilder eines Programms",
  },
  targetLabels: {
    demo: "",
    file: "Pfad auf dem Server",
    rtsp: "Adresse",
    capture: "Gerät",
    whip: "",
    frames: "",
  },
  targetPlaceholders: {
    demo: "",
    file: "/videos/untersuchung.mp4",
    rtsp: "rtsp://kamera.example/stream",
    capture: "/dev/video0?size=1920x1080&fps=60",
    whip: "",
    frames: "",
  },
  loop: "Datei wiederholen",
  whipHint: (path) => `Senden an ${path}`,
  framesHint: (path) => `Bilder an ${path} senden`,
  viewers: (count) => (count === 1 ? "1 Betrachter" : `${count} Betrachter`),
  tokenTitle: "Dieser Server verlangt ein Token",
  tokenLabel: "Token",
  tokenEnter: "Weiter",
  tokenWrong: "Dieses Token wurde abgelehnt.",

  aiState: (state) => aiStates[state],
  aiReason: (state, reason) => (reason === "" ? aiReasons[state] : translateReason(reason)),
  sourceState: (state) => sourceStates[state],
  sourceReason: (reason, retry) =>
    [translateReason(reason), retry === null ? "" : nextAttempt(retry)].filter(Boolean).join("; "),
  mode: (mode) => modes[mode],
  style: (style) => styles[style],
  color: (color) => colors[color],
  width: (width) => widths[width],
  layout: (layout) => layouts[layout],
  chime: (chime) => ({ off: "aus", on: "an" })[chime],
  videoDelay: (delayMs) => (delayMs === null ? "Video – ms" : `Video +${Math.round(delayMs)} ms`),
  maskLatency: (latencyMs, limitMs) =>
    `Maske ${latencyMs === null ? "–" : Math.round(latencyMs)} ms von ${limitMs}`,
  coverage: (masks, frames) => `Masken auf ${masks} von ${frames} Bildern`,
  coverageTitle:
    "In der letzten Sekunde. Die KI schafft nicht jedes Bild; der Modus „sofort“ zeigt die neueste Maske",
  delayTitle: "Wie lange jedes Bild zurückgehalten wird, damit seine Maske darauf gezeichnet werden kann",
  latencyTitle: "Alter des Bildes, wenn seine Maske gezeichnet wird (95 % sind schneller), und die Grenze",
  methods: { burned: "Masken vom Server gezeichnet", none: "keine Masken in diesem Browser" },
  burnedTitle: "Dieser Browser kann Bilder nicht unterscheiden: Masken sind Teil des Videos oder fehlen, ihr Aussehen ist nicht wählbar",
  pictureStill: "kein neues Bild",

  back: "Zurück",
  backToList: "Zurück zu den Sitzungen",
  fullScreen: "Vollbild",
  help: "Tasten und Modi",
  newPatient: "Neuer Patient",
  confirmNewPatient: "Vergessen, was die KI in dieser Sitzung gesehen hat?",
  cancel: "Abbrechen",
  close: "Schließen",
  apply: "Übernehmen",
  region: "Ausschnitt",
  regionTitle: "Welchen Teil des Bildes die KI sieht",
  regionModes: {
    auto: "Das endoskopische Bild suchen",
    full: "Das ganze Bild",
    rectangle: "Dieses Rechteck, in Bildpunkten des Videos",
  },
  regionEdges: { x: "Links", y: "Oben", width: "Breite", height: "Höhe" },
  regionDraw: "Zeichnen",
  regionDrawHint: "Ein Rechteck um das endoskopische Bild ziehen. Esc bricht ab.",

  view: "Ansicht",
  viewTitle: "Wie das Bild gezeigt wird",
  viewSettings: {
    style: "Masken",
    color: "Farbe",
    width: "Linie",
    opacity: "Deckkraft",
    layout: "Anordnung",
    mode: "Modus",
    chime: "Ton bei neuem Befund",
    language: "Sprache",
  },
  percent: (share) => `${Math.round(100 * share)} %`,

  connectingVideo: "Das Video wird verbunden …",
  waitingForPicture: "Verbunden. Wartet auf das erste Bild …",
  retryingVideo: (reason) => `Kein Video: ${reason}. Neuer Versuch …`,
  videoStalled: "es kommen keine Bilder mehr",
  videoConnectionLost: "die Verbindung ging verloren",
  serverSilent: "der Server antwortet nicht",
  sessionGone: "Diese Sitzung gibt es nicht mehr.",
  overlayStopped: "die Markierung arbeitet nicht mehr; bitte die Seite neu laden",
  sessionEnded: "Diese Sitzung ist beendet.",
  noWebRtc: "Dieser Browser kann kein WebRTC.",

  command: (id) => (de.commands as Partial<Record<string, string>>)[id],
  commands: {
    leave: "zurück zur Liste (schließt zuerst einen Dialog)",
    peek: "Markierung ausblenden, solange gehalten",
    style: "Umriss, Fläche, Ecken, ohne Markierung",
    mode: "genauer Modus oder sofort",
    layout: "reines Bild daneben oder ein Bild",
    region: "welchen Teil des Bildes die KI sieht",
    newPatient: "neuer Patient: die KI vergisst, was sie gesehen hat",
    view: "wie das Bild gezeigt wird",
    fullScreen: "Vollbild",
    help: "diese Hilfe",
  },
  keyNames: { " ": "Leertaste", escape: "Esc", arrowleft: "←", arrowright: "→" },
  held: (key) => `${key} (halten)`,
  changeKey: "Ändern",
  changeKeyOf: (command) => `Taste ändern: ${command}`,
  pressKey: "Taste oder Pedal drücken",
  resetKeys: "Tasten wie geliefert",
  keysHint: "Ein Pedal, das Tasten schickt, arbeitet wie die Tastatur: erst „Ändern“, dann das Pedal drücken.",
  helpExact: "Genau: jedes Bild wartet auf seine eigene Maske, höchstens 250 ms, und erscheint mit ihr oder ohne.",
  helpLive: "Sofort: jedes Bild erscheint gleich, mit der neuesten Maske und ihrem Alter daneben.",
  helpLimit: "Eine Maske, die älter als 250 ms ist, wird nie gezeigt.",
};
