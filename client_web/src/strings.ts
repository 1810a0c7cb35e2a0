/** Every word the page shows, in one place. */
import type { ShownAiState } from "./aiWatch";
import type { MatchMode } from "./frameMatcher";
import type { SourceRetry, SourceState } from "./messages";
import type { OverlayStyle } from "./overlayRenderer";

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
const styles: Record<OverlayStyle, string> = { outline: "outline", fill: "fill", off: "no overlay" };

function nextAttempt(retry: SourceRetry): string {
  return retry.in_s === 0 ? `attempt ${retry.attempt} now` : `attempt ${retry.attempt} in ${retry.in_s} s`;
}

export const strings = {
  product: "SALI Live",
  notMedical: "Not a medical device",
  sessions: "Sessions",
  noSessions: "No session is running. Start one below.",
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
  maskAge: (ageMs: number) => `${Math.round(ageMs)} ms`,
  videoDelay: (delayMs: number | null) => delayMs === null ? "video – ms" : `video +${Math.round(delayMs)} ms`,
  maskLatency: (latencyMs: number | null, limitMs: number) =>
    `mask ${latencyMs === null ? "–" : Math.round(latencyMs)} ms of ${limitMs}`,
  coverage: (masks: number, frames: number) => `masks on ${masks} of ${frames} pictures`,
  coverageTitle: "In the last second. The AI does not keep up with every picture; live mode shows the newest mask",
  delayTitle: "How long this viewer keeps each picture back so that its mask can be drawn on it",
  latencyTitle: "Age of the picture when its mask is drawn (95 % are faster), against the limit",
  nearExact: "near-exact",
  nearExactTitle: "This browser cannot hand single frames over; a mask may be one picture off",

  backToList: "Back to the sessions (Esc)",
  overlay: "How masks are drawn (O)",
  modeLabel: "Exact or live mode (M)",
  fullScreen: "Full screen (F)",
  help: "Keys and modes",
  newPatient: "New patient",
  confirmNewPatient: "Forget what the AI has seen in this session?",
  close: "Close",
  apply: "Apply",
  region: "Region",
  regionTitle: "Which part of the picture the AI sees (R)",
  regionModes: {
    auto: "Find the endoscopic picture",
    full: "The whole picture",
    rectangle: "This rectangle, in pixels of the video",
  },
  regionEdges: { x: "Left", y: "Top", width: "Width", height: "Height" },
  regionDraw: "Draw it",
  regionDrawHint: "Draw a rectangle around the endoscopic picture. Esc gives up.",

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

  keys: [
    ["O", "outline, fill, no overlay"],
    ["Space (hold)", "hide the overlay"],
    ["M", "exact or live mode"],
    ["R", "which part of the picture the AI sees"],
    ["F", "full screen"],
    ["Esc", "back to the list"],
    ["?", "this help"],
  ],
  helpExact: "Exact: each picture waits for its own mask, at most 250 ms, and is shown with it or without.",
  helpLive: "Live: each picture is shown at once with the newest mask, its age written beside it.",
  helpLimit: "A mask older than 250 ms is never shown.",
} as const;
