/** The worker: reads decoded frames, hears the masks and paints both on one canvas. */
import { systemClock, systemTimeOfDay, systemTimers } from "./clock";
import { FitnessWatch } from "./frameMethods";
import { MaskSocket } from "./maskSocket";
import type { FromWorker, ToWorker } from "./overlayProtocol";
import { OverlayRenderer } from "./overlayRenderer";
import { OverlaySession, type SessionFrame } from "./overlaySession";
import { JitteredBackoff } from "./reconnectPolicy";
import { takeSnapshot } from "./snapshot";

/** The worker's own global, of which the page's type library knows nothing. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}
const scope = self as unknown as WorkerScope;

let session: OverlaySession | null = null;
let reader: ReadableStreamDefaultReader<VideoFrame> | null = null;
const fitness = new FitnessWatch(() => scope.postMessage({ type: "unfit" }));

scope.onmessage = ({ data }) => {
  if (data.type === "start") session = startSession(data);
  else if (session !== null) obey(session, data);
};

function obey(target: OverlaySession, order: Exclude<ToWorker, { type: "start" }>): void {
  switch (order.type) {
    case "video":
      target.videoConnected(order.viewer);
      void readFrames(order.readable);
      break;
    case "video_lost":
      stopReading();
      target.videoLost();
      break;
    case "settings":
      target.configure(order.settings);
      break;
    case "display":
      target.setDisplay(order.display);
      break;
    case "doubt":
      target.doubt();
      break;
    case "snapshot":
      void takeSnapshot(target.present).then((snapshot) => scope.postMessage({ type: "snapshot", snapshot }));
      break;
    case "stop":
      stopReading();
      target.stop();
      session = null;
      break;
  }
}

function startSession({ canvas, socket, settings }: Extract<ToWorker, { type: "start" }>): OverlaySession {
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new Error("no 2d canvas in this worker");
  const created = new OverlaySession({
    clock: systemClock,
    timeOfDay: systemTimeOfDay,
    timers: systemTimers,
    painter: new OverlayRenderer(context),
    settings,
    report: (stats) => scope.postMessage({ type: "stats", stats }),
  });
  created.start(new MaskSocket({ ...socket, policy: new JitteredBackoff(), listener: created }));
  return created;
}

async function readFrames(readable: ReadableStream<VideoFrame>): Promise<void> {
  stopReading();
  const own = readable.getReader();
  reader = own;
  for (;;) {
    const { done, value } = await own.read();
    if (done) return;
    if (reader !== own || session === null) {
      value.close();
      return;
    }
    take(session, value);
  }
}

function take(target: OverlaySession, frame: VideoFrame): void {
  const { rtpTimestamp } = frame.metadata();
  fitness.note(rtpTimestamp !== undefined);
  if (rtpTimestamp === undefined) {
    frame.close();
    return;
  }
  const held: SessionFrame = {
    image: frame,
    width: frame.displayWidth,
    height: frame.displayHeight,
    close: () => frame.close(),
  };
  target.pushFrame(held, rtpTimestamp);
}

function stopReading(): void {
  const old = reader;
  reader = null;
  // Cancelling a stream whose track has ended rejects, and there is nothing left to end.
  old?.cancel().catch(() => undefined);
}
