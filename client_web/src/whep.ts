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

/**
 * Have a receiver take an H.264 keyframe for one only when its parameter sets are there.
 *
 * Chromium otherwise takes IDR slices whose SPS and PPS were lost or overtaken for a whole keyframe and decodes them
 * with the sets of before: after a change of size, spoiled pictures under new time stamps until the next keyframe.
 * The receiver heeds its own description only, so the parameter stands in the offer.
 */
export function requireParameterSets(sdp: string): string {
  const types = [...sdp.matchAll(/^a=rtpmap:(\d+) H264\/90000/gim)].map(([, type]) => type);
  return sdp.replace(/^a=fmtp:(\d+) [^\r\n]*/gm, (line, type: string) =>
    types.includes(type) ? `${line};sps-pps-idr-in-keyframe=1` : line,
  );
}

/** @throws ApiError, UnreachableError or ViewerError; nothing is left open then. */
export async function connectWhep(api: Api, sessionId: string, overlay: Overlay): Promise<WhepConnection> {
  const peer = new RTCPeerConnection({ iceServers: [] });
  const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences(preferH264(codecs));
  const resource = await offerPeer(api, whepPath(sessionId, overlay), peer, requireParameterSets);
  const { receiver } = transceiver;
  return { viewer: resource.id, track: receiver.track, receiver, peer, close: () => resource.close() };
}

export function whepPath(sessionId: string, overlay: Overlay): string {
  return `${sessionPath(sessionId)}/whep${overlay === "burned" ? "?overlay=burned" : ""}`;
}
