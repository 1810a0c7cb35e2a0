/** One WHEP connection: receives video only, nothing is asked of any server but our own. */
import { sessionPath, type Api, type Overlay } from "./api";
import { offerPeer } from "./peerOffer";

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
  const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences(preferH264(codecs));
  const resource = await offerPeer(api, whepPath(sessionId, overlay), peer);
  const { receiver } = transceiver;
  return { viewer: resource.id, track: receiver.track, receiver, peer, close: () => resource.close() };
}

export function whepPath(sessionId: string, overlay: Overlay): string {
  return `${sessionPath(sessionId)}/whep${overlay === "burned" ? "?overlay=burned" : ""}`;
}
