/** What WHIP and WHEP have in common: an offer is posted, a resource stands for the connection until it is deleted. */
import type { Api, OfferAnswer } from "./api";
import { ViewerError } from "./errors";

/** Host candidates are gathered at once; a browser that takes longer offers what it has. */
const GATHERING_LIMIT_MS = 1000;
/** A server that does not answer is not waited for longer than this. */
const CLOSING_LIMIT_MS = 1000;

export interface PeerResource {
  readonly peer: RTCPeerConnection;
  /** The last part of the resource's path. */
  readonly id: string;
  /** End both sides; never throws. */
  close(): void;
}

/**
 * Offer what a peer connection was given, by a POST.
 *
 * @param path where to post, below the page's own origin.
 * @param adapt changes what the browser would offer; a browser that refuses the change offers as it would.
 * @throws ApiError, UnreachableError or ViewerError; nothing is left open then.
 */
export async function offerPeer(
  api: Api,
  path: string,
  peer: RTCPeerConnection,
  adapt: (sdp: string) => string = (sdp) => sdp,
): Promise<PeerResource> {
  try {
    await describe(peer, adapt);
    await gathered(peer);
    const offer = peer.localDescription?.sdp;
    if (offer === undefined) throw new ViewerError("the browser made no offer");
    const accepted = await api.offer(path, offer);
    const close = (): void => endBoth(api, accepted, peer);
    try {
      await peer.setRemoteDescription({ type: "answer", sdp: accepted.answer });
    } catch (error) {
      close();
      throw new ViewerError("the browser refused the server's answer", { cause: error });
    }
    return { peer, id: accepted.id, close };
  } catch (error) {
    peer.close();
    throw error;
  }
}

async function describe(peer: RTCPeerConnection, adapt: (sdp: string) => string): Promise<void> {
  const offer = await peer.createOffer();
  try {
    await peer.setLocalDescription({ type: "offer", sdp: adapt(offer.sdp ?? "") });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    await peer.setLocalDescription(offer);
  }
}

/** Told first, the server finds the resource still there; it ends abandoned ones by itself. */
function endBoth(api: Api, accepted: OfferAnswer, peer: RTCPeerConnection): void {
  const timer = setTimeout(() => peer.close(), CLOSING_LIMIT_MS);
  void api
    .deleteResource(accepted.resource)
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(timer);
      peer.close();
    });
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
