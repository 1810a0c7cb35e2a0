/** One WHIP connection (RFC 9725): sends this browser's video to a session, and nothing else. */
import { sessionPath, type Api } from "./api";
import { offerPeer, type PeerResource } from "./peerOffer";

/** Enough for 1080p30; the browser takes less where the network gives less. */
const MAX_BITRATE_BPS = 8_000_000;

/** @throws ApiError, UnreachableError or ViewerError; nothing is left open then. */
export async function publishWhip(api: Api, sessionId: string, track: MediaStreamTrack): Promise<PeerResource> {
  const peer = new RTCPeerConnection({ iceServers: [] });
  const { sender } = peer.addTransceiver(track, { direction: "sendonly", streams: [new MediaStream([track])] });
  const parameters = sender.getParameters();
  // A smaller picture would be another one to the AI: rather fewer of them.
  parameters.degradationPreference = "maintain-resolution";
  for (const encoding of parameters.encodings) encoding.maxBitrate = MAX_BITRATE_BPS;
  await sender.setParameters(parameters);
  return offerPeer(api, `${sessionPath(sessionId)}/whip`, peer);
}
