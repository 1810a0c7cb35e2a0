/** English: the first language, from which the others take their shape. */
import type { ShownAiState } from "../aiWatch";
import type { MatchMode } from "../frameMatcher";
import type { SourceRetry, SourceState } from "../messages";
import type { OverlayColor, OverlayStyle, ViewLayout, LineWidth } from "../overlayLook";

const aiStates: Record<ShownAiState, string> = {
  active: "AI ACTIVE",
  warming: "AI WARMING",
  late: "AI LATE",
  paused: "AI PAUSED",
  failed: "AI FAILED",
  lost: "AI LOST",
};

/** Said when the server gives no reason of its own. */
const aiReasons: Record<ShownAiState, string> = {
  active: "",
  warming: "getting ready",
  late: "masks come too late to be shown",
  paused: "nothing to work on",
  failed: "the worker was lost; it comes back by itself",
  lost: "no word from the server",
};

const sourceStates: Record<SourceState, string> = {
  connecting: "source connecting",
  playing: "playing",
  stalled: "source stalled",
  reconnecting: "source reconnecting",
  ended: "source ended",
  failed: "source failed",
};

const modes: Record<MatchMode, string> = { exact: "exact", live: "live" };
const styles: Record<OverlayStyle, string> = {
  outline: "outline",
  fill: "fill",
  box: "corners",
  off: "no overlay",
};
const colors: Record<OverlayColor, string> = {
  teal: "teal",
  yellow: "yellow",
  white: "white",
  blue: "light blue",
};
const widths: Record<LineWidth, string> = { thin: "thin", normal: "normal", thick: "thick" };
const layouts: Record<ViewLayout, string> = { single: "one picture", beside: "clean picture beside it" };

function nextAttempt(retry: SourceRetry): string {
  return retry.in_s === 0 ? `attempt ${retry.attempt} now` : `attempt ${retry.attempt} in ${retry.in_s} s`;
}

/** What commands are called in the help, by the command's id. */
const commands = {
  leave: "back to the list (closes a dialog first)",
  peek: "hide the overlay while held",
  style: "outline, fill, corners, no overlay",
  mode: "exact or live mode",
  layout: "clean picture beside it, or one picture",
  region: "which part of the picture the AI sees",
  newPatient: "new patient: the AI forgets what it has seen",
  view: "how the picture is shown",
  fullScreen: "full screen",
  help: "this help",
};

export const en = {
  product: "SALI Live",
  notMedical: "Not a medical device",
  sessions: "Sessions",
  wall: "Wall",
  pages: "Pages",
  noSessions: "No session is running. Start one below.",
  noRooms: "No session is running.",
  roomsWithoutVideo: (limit: number) => `Video is shown of the first ${limit} sessions only, states of all.`,
  loading: "Asking the server…",
  unreachable: "The server does not answer. Trying again…",
  open: "Open",
  end: "End",
  confirmEnd: (name: string) => `End the session "${name}" for everybody?`,
  newSession: "Start a session",
  start: "Start",
  starting: "Starting…",
  name: "Name",
  namePlaceholder: "Room 1",
  source: "Source",
  sourceKinds: {
    demo: "Demo scene",
    file: "Video file on the server",
    rtsp: "RTSP camera",
    capture: "Capture device of the server",
    whip: "WHIP publisher",
    frames: "Frames of a program",
  },
  targetLabels: {
    demo: "",
    file: "Path on the server",
    rtsp: "Address",
    capture: "Device",
    whip: "",
    frames: "",
  },
  targetPlaceholders: {
    demo: "",
    file: "/videos/examination.mp4",
    rtsp: "rtsp://camera.example/stream",
    capture: "/dev/video0?size=1920x1080&fps=60",
    whip: "",
    frames: "",
  },
  loop: "Repeat the file",
  whipHint: (path: string) => `Publish to ${path}`,
  framesHint: (path: string) => `Push frames to ${path}`,
  viewers: (count: number) => (count === 1 ? "1 viewer" : `${count} viewers`),
  tokenTitle: "This server asks for a token",
  tokenLabel: "Token",
  tokenEnter: "Continue",
  tokenWrong: "That token was refused.",

  aiState: (state: ShownAiState) => aiStates[state],
  aiReason: (state: ShownAiState, reason: string) => reason || aiReasons[state],
  sourceState: (state: SourceState) => sourceStates[state],
  sourceReason: (reason: string, retry: SourceRetry | null) =>
    retry === null ? reason : [reason, nextAttempt(retry)].filter(Boolean).join("; "),
  mode: (mode: MatchMode) => modes[mode],
  style: (style: OverlayStyle) => styles[style],
  color: (color: OverlayColor) => colors[color],
  width: (width: LineWidth) => widths[width],
  layout: (layout: ViewLayout) => layouts[layout],
  chime: (chime: "off" | "on"): string => chime,
  videoDelay: (delayMs: number | null) => delayMs === null ? "video – ms" : `video +${Math.round(delayMs)} ms`,
  maskLatency: (latencyMs: number | null, limitMs: number) =>
    `mask ${latencyMs === null ? "–" : Math.round(latencyMs)} ms of ${limitMs}`,
  coverage: (masks: number, frames: number) => `masks on ${masks} of ${frames} pictures`,
  coverageTitle: "In the last second. The AI does not keep up with every picture; live mode shows the newest mask",
  delayTitle: "How long this viewer keeps each picture back so that its mask can be drawn on it",
  latencyTitle: "Age of the picture when its mask is drawn (95 % are faster), against the limit",
  methods: { burned: "masks drawn by the server", none: "no masks in this browser" },
  burnedTitle: "This browser cannot tell video frames apart: masks are part of the video or not shown, and how they look cannot be chosen",
  pictureStill: "no new picture",

  back: "Back",
  backToList: "Back to the sessions",
  fullScreen: "Full screen",
  help: "Keys and modes",
  newPatient: "New patient",
  confirmNewPatient: "Forget what the AI has seen in this session?",
  cancel: "Cancel",
  close: "Close",
  apply: "Apply",
  region: "Region",
  regionTitle: "Which part of the picture the AI sees",
  regionModes: {
    auto: "Find the endoscopic picture",
    full: "The whole picture",
    rectangle: "This rectangle, in pixels of the video",
  },
  regionEdges: { x: "Left", y: "Top", width: "Width", height: "Height" },
  regionDraw: "Draw it",
  regionDrawHint: "Draw a rectangle around the endoscopic picture. Esc gives up.",

  view: "View",
  viewTitle: "How the picture is shown",
  viewSettings: {
    style: "Masks",
    color: "Colour",
    width: "Line",
    opacity: "Opacity",
    layout: "Layout",
    mode: "Mode",
    chime: "Sound for a new finding",
    language: "Language",
  },
  percent: (share: number) => `${Math.round(100 * share)} %`,

  connectingVideo: "Connecting the video…",
  waitingForPicture: "Connected. Waiting for the first picture…",
  retryingVideo: (reason: string) => `No video: ${reason}. Trying again…`,
  videoStalled: "the pictures stopped coming",
  videoConnectionLost: "the connection was lost",
  serverSilent: "the server does not answer",
  sessionGone: "This session does not exist any more.",
  overlayStopped: "the overlay stopped working; load the page again",
  sessionEnded: "This session has ended.",
  noWebRtc: "This browser has no WebRTC.",

  command: (id: string) => (commands as Partial<Record<string, string>>)[id],
  commands,
  keyNames: { " ": "Space", escape: "Esc", arrowleft: "←", arrowright: "→" } as Readonly<Partial<Record<string, string>>>,
  held: (key: string) => `${key} (hold)`,
  changeKey: "Change",
  changeKeyOf: (command: string) => `Change the key: ${command}`,
  pressKey: "Press a key or the pedal",
  resetKeys: "Keys as delivered",
  keysHint: "A pedal that types keys works like the keyboard: press Change, then the pedal.",
  helpExact: "Exact: each picture waits for its own mask, at most 250 ms, and is shown with it or without.",
  helpLive: "Live: each picture is shown at once with the newest mask, its age written beside it.",
  helpLimit: "A mask older than 250 ms is never shown.",
};

export type Strings = typeof en;
