"""A cheap WebRTC publisher: coded pictures of a file by WHIP, and to whoever offers to watch.

    python -m server.bench.whip_publisher --file coded.mp4

Says that it is there, then publishes to the endpoints it is told on standard input, and answers
offers of viewers that want the same pictures without a service in between. Ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.stream import Stream

from server.bench.coded_video import CodedVideo
from server.bench.http_client import request
from server.bench.paced_video import PacedVideo, serve_parent, tell_parent
from server.errors import BenchError
from server.media import aiortc_internals, h264, negotiation

_TIME_BASE = Fraction(1, 90_000)
_QUEUE_PICTURES = 50


class CodedTrack(MediaStreamTrack):
    """Gives out the pictures of a paced video as they are, from the next keyframe on."""

    kind = "video"

    def __init__(self, video: PacedVideo) -> None:
        super().__init__()
        self._video = video
        self._queue: asyncio.Queue[tuple[int, int]] = asyncio.Queue(_QUEUE_PICTURES)
        self._has_begun = False
        self._is_playing = False

    async def recv(self) -> av.Packet[Stream]:
        """Return the next picture.

        Raises:
            MediaStreamError: The connection has ended.
        """
        if self.readyState != "live":
            raise MediaStreamError
        if not self._has_begun:
            # Only now does the connection stand.
            self._has_begun = True
            self._video.listeners.append(self._take)
        index, number = await self._queue.get()
        packet: av.Packet[Stream] = av.Packet(self._video.video.pictures[number])
        packet.pts, packet.time_base = index * self._video.video.ticks, _TIME_BASE
        return packet

    def stop(self) -> None:
        """Listen no more."""
        super().stop()
        if self._take in self._video.listeners:
            self._video.listeners.remove(self._take)

    def _take(self, index: int, number: int) -> None:
        self._is_playing = self._is_playing or h264.has_idr(self._video.video.pictures[number])
        if not self._is_playing:
            return
        if self._queue.full():
            # A peer that does not take them loses the oldest.
            self._queue.get_nowait()
        self._queue.put_nowait((index, number))


class WhipPublisher:
    """One source per endpoint; viewers of the source itself get the pictures of the first."""

    def __init__(self, video: CodedVideo) -> None:
        self._video = video
        self.videos: list[PacedVideo] = [PacedVideo(video)]
        self._peers: list[RTCPeerConnection] = []
        self._playing = [asyncio.create_task(self.videos[0].run())]

    async def answer(self, asked: str, given: Any) -> Any:
        """Do what the parent asks for."""
        match asked:
            case "publish":
                await self._publish(given)
                return {}
            case "watch":
                return await self._watch(given)
            case "times":
                return list(self.videos[0].times)
        return {"sent": [video.sent for video in self.videos], "cpu_s": time.process_time()}

    async def aclose(self) -> None:
        """End all connections."""
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*(peer.close() for peer in self._peers))

    async def _publish(self, urls: list[str]) -> None:
        apart_s = 1 / (self._video.fps * len(urls))
        for index, url in enumerate(urls):
            if index > 0:
                paced = PacedVideo(self._video, index * apart_s)
                self.videos.append(paced)
                self._playing.append(asyncio.create_task(paced.run()))
            await self._publish_one(url, self.videos[index])

    async def _publish_one(self, url: str, video: PacedVideo) -> None:
        peer = self._peer(video)
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp.encode()
        reply = await asyncio.to_thread(request, url, "POST", offer, "application/sdp")
        if reply.status != 201:
            raise BenchError(f"WHIP was answered {reply.status}: {reply.body[:200]!r}")
        answer = RTCSessionDescription(reply.body.decode(), "answer")
        await peer.setRemoteDescription(answer)

    async def _watch(self, offer: str) -> str:
        """Answer an offer to receive."""
        peer = self._peer(self.videos[0])
        return await negotiation.answer_offer(peer, offer, before_start=lambda: None)

    def _peer(self, video: PacedVideo) -> RTCPeerConnection:
        peer = negotiation.create_peer()
        self._peers.append(peer)
        transceiver = peer.addTransceiver(CodedTrack(video), "sendonly")
        transceiver.setCodecPreferences(negotiation.video_codecs("H264"))
        # As the service does, so that a direct player is no later by its own choice.
        aiortc_internals.ask_for_playout_at_once(transceiver.sender)
        return peer


async def publish(path: Path) -> None:
    """Serve the parent until it closes our standard input."""
    publisher = WhipPublisher(CodedVideo.read(path))
    tell_parent({"urls": []})
    await serve_parent(publisher.answer)
    await publisher.aclose()


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path, required=True)
    asyncio.run(publish(parser.parse_args().file))


if __name__ == "__main__":
    main()
