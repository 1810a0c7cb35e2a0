"""A WHIP publisher of frame-coded pictures: every picture carries its number in its pixels.

It changes the picture's size and shape on the way, as a tower does when an input is switched, and
makes keyframes when asked, as every WebRTC publisher does.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from sali_core.data.phantom.frame_code import draw_frame_code
from server.media import aiortc_internals, negotiation
from server.media.encoder import RelayEncoder
from tests.fakes.lossy_path import LossyPath, Weather, without_candidates

Size = tuple[int, int]

_TIME_BASE = Fraction(1, 90_000)
_DRAWN_SIZE = (640, 480)
_FIRST_PTS = 4_294_967_296 - 10 * 90_000
"""RTP time wraps ten seconds after the start."""


class CodedPictures:
    """Pictures with their number in the bottom left corner: 0.4 of the width, 1/15 of the height.

    Grey, so that nothing in them looks like an outline, with a patch of snow, so that each is worth
    several datagrams.
    """

    def __init__(self) -> None:
        width, height = _DRAWN_SIZE
        y, x = np.mgrid[0:height, 0 : width + 256]
        waves = 128 + 30 * np.sin(x / 41.0) * np.cos(y / 53.0)
        self._background = waves.astype(np.uint8)
        self._snow = np.random.default_rng(5).integers(60, 200, (16, 72, 72), np.uint8)

    def draw(self, number: int, size: Size) -> av.VideoFrame:
        """The picture of a number, (width, height) as asked."""
        width = _DRAWN_SIZE[0]
        left = number * 2 % 256
        grey = self._background[:, left : left + width]
        pixels: npt.NDArray[np.uint8] = np.repeat(grey[..., None], 3, axis=2)
        snow = self._snow[number % 16]
        pixels[200 : 200 + len(snow), 300 : 300 + len(snow)] = snow[..., None]
        draw_frame_code(pixels, number)
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        return frame.reformat(*size, format="yuv420p", interpolation="AREA")


class CodeTrack(MediaStreamTrack):
    """The pictures in real time, coded as H.264 here or as VP8 by aiortc.

    Args:
        codec: "H264" or "VP8".
        fps: Pictures a second.
        sizes: (width, height) that take turns.
        frames_a_size: Pictures until the next size.
        first_number: What the first picture carries.
    """

    kind = "video"

    def __init__(
        self, codec: str, fps: float, sizes: list[Size], frames_a_size: int, first_number: int = 0
    ) -> None:
        super().__init__()
        self.number = first_number
        self._codec = codec
        self._fps = fps
        self._sizes = sizes
        self._frames_a_size = frames_a_size
        self._pictures = CodedPictures()
        self._encoder = RelayEncoder()
        self._first_number = first_number
        self._started_at: float | None = None

    @property
    def published(self) -> int:
        """Pictures so far."""
        return self.number - self._first_number

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._encoder.request_keyframe()

    async def recv(self) -> av.Packet | av.VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        count = self.published
        await self._wait_for_turn(count)
        number, self.number = self.number, self.number + 1
        size = self._sizes[count // self._frames_a_size % len(self._sizes)]
        pts = _FIRST_PTS + round(count * 90_000 / self._fps)
        picture = self._pictures.draw(number, size)
        if self._codec == "VP8":
            picture.pts, picture.time_base = pts, _TIME_BASE
            return picture
        coded = self._encoder.encode(picture, pts, 0)
        if coded is None:
            raise AssertionError("x264 dropped a picture")
        packet = av.Packet(coded.payload)
        packet.pts, packet.time_base = pts, _TIME_BASE
        return packet

    async def _wait_for_turn(self, count: int) -> None:
        now = asyncio.get_running_loop().time()
        if self._started_at is None:
            self._started_at = now
        behind = now - (self._started_at + count / self._fps)
        if behind > 0.2:
            # A machine too slow for the rate sends later, not in bursts.
            self._started_at += behind
        await asyncio.sleep(max(0.0, -behind))


def write_changing_film(path: Path, sizes: list[Size], rates: list[int], frames_each: int) -> Path:
    """Write an MPEG transport stream whose size and rate change on the way, numbered from 0."""
    number, pts = 0, 0
    with av.open(str(path), "w", format="mpegts") as output:
        stream = output.add_stream("h264", rate=25)
        stream.width, stream.height = sizes[0]
        encoder, pictures = RelayEncoder(), CodedPictures()
        for size, rate in zip(sizes, rates, strict=True):
            for _ in range(frames_each):
                coded = encoder.encode(pictures.draw(number, size), pts, 0)
                if coded is None:
                    raise AssertionError("x264 dropped a picture")
                packet = av.Packet(coded.payload)
                packet.stream, packet.time_base = stream, _TIME_BASE
                packet.pts = packet.dts = pts
                packet.is_keyframe = coded.is_keyframe
                output.mux(packet)
                number, pts = number + 1, pts + 90_000 // rate
    return path


class CodePublisher:
    """One WHIP connection with a `CodeTrack`, over a lossy path if one is wanted."""

    def __init__(self, track: CodeTrack, codec: str) -> None:
        self.track = track
        self.path: LossyPath | None = None
        self._codec = codec
        self._peer: RTCPeerConnection = negotiation.create_peer()
        self._resource = ""

    async def publish(self, server_url: str, session_id: str, weather: Weather, seed: int) -> None:
        """Connect. The path carries everything, the handshake too."""
        transceiver = self._peer.addTransceiver(self.track, "sendonly")
        transceiver.setCodecPreferences(negotiation.video_codecs(self._codec))
        if self._codec == "H264":
            aiortc_internals.on_keyframe_request(transceiver.sender, self.track.request_keyframe)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await self._post(
            f"{server_url}/v1/sessions/{session_id}/whip",
            without_candidates(self._peer.localDescription.sdp),
        )
        self._resource = server_url + answer.headers["Location"]
        self.path, led = await LossyPath.lead(answer.text, weather, seed)
        await self._peer.setRemoteDescription(RTCSessionDescription(led, "answer"))

    async def close(self) -> None:
        """Leave."""
        if self._resource:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                await client.delete(self._resource)
        await self._peer.close()
        if self.path is not None:
            self.path.close()

    @staticmethod
    async def _post(url: str, offer: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(
                url, content=offer, headers={"Content-Type": "application/sdp"}
            )
        answer.raise_for_status()
        return answer
