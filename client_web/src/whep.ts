/** One WHEP connection: receives video only, nothing is asked of any server but our own. */
import type { Api, Overlay } from "./api";
import { ViewerError } from "./errors";

/** Host candidates are gathered at once; a browser that takes longer offers what it has. */
const GATHERING_LIMIT_MS = 1000;
/** A server that does not answer is not waited for longer than this. */
const CLOSING_LIMIT_MS = 1000;

export interface WhepConnection {
  readonly viewer: string;
  readonly track: MediaStreamTrack;
  readonly receiver: RTCRtpReceiver;
  readonly peer: RTCPeerConnection;
  /** End both sides; never throws. */
  close(): void;
}

/**
 * H.264 first, because the source's own packets can then be passed on; the rest stays acceptable.
 * Codecs that only help others (rtx, red, ulpfec) keep their places behind.
 */
export function preferH264<C extends { readonly mimeType: string; readonly sdpFmtpLine?: string }>(
  codecs: readonly C[],
): C[] {
  const rank = (codec: C): number => {
    if (codec.mimeType.toLowerCase() !== "video/h264") return 2;
    return codec.sdpFmtpLine?.includes("packetization-mode=1") === true ? 0 : 1;
  };
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}

/** @throws ApiError, UnreachableError or ViewerError; nothing is left open then. */
export async function connectWhep(api: Api, sessionId: string, overlay: Overlay): Promise<WhepConnection> {
  const peer = new RTCPeerConnection({ iceServers: [] });
  try {
    const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
    const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
    if (codecs.length > 0) transceiver.setCodecPreferences(preferH264(codecs));
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const offer = peer.localDescription?.sdp;
    if (offer === undefined) throw new ViewerError("the browser made no offer");
    const { answer, resource, viewer } = await api.offerWhep(sessionId, offer, overlay);
    const close = (): void => {
      // Told first, the server finds the resource still there; it ends abandoned ones by itself.
      const timer = setTimeout(() => peer.close(), CLOSING_LIMIT_MS);
      void api
        .deleteResource(resource)
        .catch(() => undefined)
        .finally(() => {
          clearTimeout(timer);
          peer.close();
        });
    };
    try {
      await peer.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      close();
      throw new ViewerError("the browser refused the server's answer", { cause: error });
    }
    return { viewer, track: transceiver.receiver.track, receiver: transceiver.receiver, peer, close };
  } catch (error) {
    peer.close();
    throw error;
  }
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING_LIMIT_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}
