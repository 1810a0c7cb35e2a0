"""Viewers of the burned stream over real WebRTC: each picture shows its own mask or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from sali_core.data.phantom.frame_code import draw_frame_code, read_frame_code
from server.bench.marker_model import PLACES, place_of
from server.burn_in.outline import rgb_to_yuv
from server.burn_in.stream import BurnedStream
from server.masks import rle
from server.masks.hub import HubLimits, MaskHub, MaskRecord
from server.masks.look import OUTLINE_RGB
from server.masks.message import RunLengths, StateMessage
from server.media import negotiation
from server.media.aiortc_internals import ReceiverTap
from server.media.clock import SystemClock
from server.media.encoder import Encoders
from server.media.frame import ModelFrame
from server.media.frame_assembler import RtpFrame
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline
from server.media.source import parse_source
from server.media.whep import WhepViewers
from tests.fakes.marker_engine import create_engine

WIDTH, HEIGHT, FPS, FRAMES = 640, 480, 20, 60
LINE = rgb_to_yuv(OUTLINE_RGB, is_bt709=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose pictures carry their number at the lower left; a keyframe only at its start."""
    path = tmp_path_factory.mktemp("clip") / "coded.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", 999
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "18"}
        for number in range(FRAMES):
            pixels = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
            draw_frame_code(pixels, number)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        output.mux(stream.encode(None))
    return path


@dataclass
class Room:
    """A looping film, its viewers, and a network that reads the number and draws it."""

    pipeline: MediaPipeline
    viewers: WhepViewers
    burned: BurnedStream
    peers: list[RTCPeerConnection] = field(default_factory=list)

    async def view(self, overlay: str, on_frame: Callable[[RtpFrame], None]) -> ReceiverTap:
        peer = negotiation.create_peer()
        self.peers.append(peer)
        transceiver = peer.addTransceiver("video", "recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        _, answer = await self.viewers.create(
            peer.localDescription.sdp,
            "h264",
            overlay,  # type: ignore[arg-type]
        )
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return ReceiverTap(transceiver.receiver, lambda _codec, frame: on_frame(frame))


async def compute_masks(mailbox: Mailbox[ModelFrame], hub: MaskHub) -> None:
    """Stand in for worker and mask loop: every frame but each fifth gets a mask, after 40 ms."""
    engine = create_engine()
    while True:
        frame = await mailbox.get()
        await asyncio.sleep(0.04)
        if frame.sequence % 5 == 4:
            continue
        pixels = np.frombuffer(frame.rgb, np.uint8).reshape(352, 352, 3)
        [output] = engine.step_many([None], [pixels])
        hub.publish_mask(
            MaskRecord(
                sequence=frame.sequence, pts=frame.pts, captured_at_ns=frame.captured_at_ns,
                source_size=frame.source_size, region=frame.region, polyps=(),
                rle=RunLengths(size=(352, 352), counts=rle.encode(output.mask)),
                ai_state="active", latency_p95_ms=None,
            )
        )  # fmt: skip


@contextlib.asynccontextmanager
async def open_room(clip: Path) -> AsyncIterator[Room]:
    clock, mailbox, encoders = SystemClock(), Mailbox[ModelFrame](), Encoders()
    state = StateMessage(ai_state="active", ai_reason="", source_state="playing", source_reason="")
    hub = MaskHub(
        state, limits=HubLimits(), now_ns=clock.monotonic_ns, count_drop=lambda cause: None
    )
    pipeline = MediaPipeline(
        parse_source(str(clip), loop=True),
        mailbox=mailbox,
        clock=clock,
        on_state=lambda state, reason: None,
        on_discontinuity=lambda reason: None,
        encoders=encoders,
    )
    burned = BurnedStream(pipeline.relay, hub, clock=clock, encoders=encoders, mask_wait_ms=250)
    viewers = WhepViewers(pipeline.relay, lambda viewer, origin: None, burned.relay)
    room = Room(pipeline, viewers, burned)
    network = asyncio.create_task(compute_masks(mailbox, hub))
    await pipeline.start()
    try:
        await until(lambda: pipeline.video)
        yield room
    finally:
        network.cancel()
        for peer in room.peers:
            await peer.close()
        await viewers.aclose()
        await burned.aclose()
        await pipeline.aclose()


async def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - any condition of any object
            await asyncio.sleep(0.02)


def seen_in(frame: av.VideoFrame) -> tuple[int | None, int | None]:
    """The number written in a picture, and the one that its mask's place tells (modulo 64)."""
    number = read_frame_code(frame.to_ndarray(format="rgb24"))
    rows = frame.to_ndarray().astype(int)
    chroma = rows.reshape(-1)[HEIGHT * WIDTH :].reshape(2, HEIGHT // 2, WIDTH // 2)
    line = (abs(chroma[0] - LINE[1]) < 25) & (abs(chroma[1] - LINE[2]) < 25)
    ys, xs = np.nonzero(line)
    if not ys.size:
        return number, None
    # The caption may cover a part of the outline; places are 0.1 apart.
    at = (xs.min() + xs.max() + 1) / WIDTH, (ys.min() + ys.max() + 1) / HEIGHT
    distances = [np.hypot(at[0] - x, at[1] - y) for x, y in map(place_of, range(PLACES))]
    assert min(distances) < 0.045, "an outline that encloses no single mask"
    return number, int(np.argmin(distances))


@pytest.mark.hazard("H1")
async def test_each_burned_picture_shows_its_own_mask_or_none(clip: Path) -> None:
    async with open_room(clip) as room:
        coded: list[RtpFrame] = []
        await room.view("burned", coded.append)
        await until(lambda: len(coded) > 1.5 * FRAMES)
        assert room.pipeline.encoders == 1
    decoder = av.CodecContext.create("h264", "r")
    seen = [
        seen_in(picture) for frame in coded for picture in decoder.decode(av.Packet(frame.data))
    ]
    assert all(number is not None for number, _ in seen)
    drawn = [(number, place) for number, place in seen if place is not None]
    assert [place for _, place in drawn] == [
        number % PLACES for number, _ in drawn if number is not None
    ]
    assert len(drawn) > 10
    assert len(drawn) < len(seen), "each fifth picture has none"


async def test_eight_viewers_of_an_h264_stream_cost_no_encode(clip: Path) -> None:
    async with open_room(clip) as room:
        counts = [0] * 8

        def count(index: int) -> Callable[[RtpFrame], None]:
            def on_frame(frame: RtpFrame) -> None:
                counts[index] += 1

            return on_frame

        for index in range(8):
            await room.view("clean", count(index))
        await until(lambda: min(counts) > 10)
        assert room.viewers.count == 8
        assert room.pipeline.encoders == 0


async def test_three_burned_viewers_share_one_encoder_that_ends_with_the_last(clip: Path) -> None:
    async with open_room(clip) as room:
        got: list[RtpFrame] = []
        for _ in range(3):
            await room.view("burned", got.append)
        await until(lambda: len(got) > 30)
        assert room.pipeline.encoders == 1
        await room.viewers.aclose()
        await until(lambda: room.pipeline.encoders == 0)
        assert not room.burned.is_running


async def test_a_viewer_of_a_film_that_lost_a_picture_is_sent_the_group_again(clip: Path) -> None:
    async with open_room(clip) as room:
        got: list[RtpFrame] = []
        tap = await room.view("clean", got.append)
        await until(lambda: len(got) > 10)
        first = got[0].timestamp
        report = tap.request_keyframe()
        assert report is not None
        await report
        await until(lambda: [frame.timestamp for frame in got].count(first) == 2)
