"""A publisher and a viewer, both real WebRTC peers, around one pipeline in this process."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from server.errors import (
    InvalidOfferError,
    PublisherBusyError,
    ResourceNotFoundError,
    SourceRefusedError,
    UnsupportedCodecError,
)
from server.media import h264, negotiation
from server.media.encoder import RelayEncoder
from server.media.frame import CodedPacket, SourceState
from server.media.frame_assembler import RtpFrame
from tests.fakes.whep_room import Room, open_room, until, view

_TIME_BASE = Fraction(1, 90_000)
_FPS = 50


def _picture(number: int) -> av.VideoFrame:
    """A picture whose bytes differ from every other one's."""
    pixels = np.random.default_rng(number).integers(0, 255, (96, 128, 3), np.uint8)
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


class CodedTrack(MediaStreamTrack):
    """Publishes coded pictures, H.264 or VP8, in real time; a PLI makes a keyframe."""

    kind = "video"

    def __init__(self, codec: str) -> None:
        super().__init__()
        self._codec = codec
        self._encoder = RelayEncoder()
        self._number = 0
        self.sent: list[bytes] = []

    async def recv(self) -> av.Packet | av.VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(1 / _FPS)
        number, self._number = self._number, self._number + 1
        pts = 4_294_967_296 - 30 * 1800 + number * 1800
        if self._codec == "VP8":
            frame = _picture(number)
            frame.pts, frame.time_base = pts, _TIME_BASE
            return frame
        coded = self._encoder.encode(_picture(number), pts, 0)
        assert coded is not None
        self.sent.append(coded.payload)
        packet = av.Packet(coded.payload)
        packet.pts, packet.time_base = pts, _TIME_BASE
        return packet


async def publish(room: Room, codec: str) -> tuple[RTCPeerConnection, str]:
    peer = negotiation.create_peer()
    transceiver = peer.addTransceiver(CodedTrack(codec), "sendonly")
    transceiver.setCodecPreferences(negotiation.video_codecs(codec))
    await peer.setLocalDescription(await peer.createOffer())
    try:
        publisher_id, answer = await room.pipeline.whip_accept(peer.localDescription.sdp)
    except PublisherBusyError:
        await peer.close()
        raise
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return peer, publisher_id


def _content(codec: str, payload: bytes) -> bytes:
    """A frame's bytes without start codes, whose length packetization does not keep."""
    return b"|".join(h264.iter_nal_units(payload)) if codec == "h264" else payload


@pytest.mark.parametrize("codec", ["H264", "VP8"])
@pytest.mark.hazard("H1")
async def test_a_viewers_rtp_timestamp_names_the_published_frame(codec: str) -> None:
    async with open_room() as room:
        publisher, _ = await publish(room, codec)
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        assert room.pipeline.video is not None
        relayed = codec.lower()
        assert room.pipeline.video.codec == relayed
        published: list[CodedPacket] = []
        subscription = room.pipeline.relay.subscribe()

        async def collect() -> None:
            while True:
                published.append(await subscription.get())

        collector = asyncio.create_task(collect())
        received: list[RtpFrame] = []
        viewer, viewer_id = await view(room, lambda _codec, frame: received.append(frame))
        await until(lambda: len(received) >= 60, "sixty frames arrived")
        model_frame = await room.mailbox.get()

        origin = room.origins[viewer_id]
        by_content = {_content(relayed, p.payload): p.pts for p in published}
        named = [(f.timestamp - origin) & 0xFFFFFFFF for f in received]
        truth = [by_content[_content(relayed, f.data)] for f in received]
        track = publisher.getSenders()[0].track
        assert isinstance(track, CodedTrack)
        if codec == "H264":
            assert {_content("h264", f.data) for f in received} <= {
                _content("h264", sent) for sent in track.sent
            }, "the viewer gets what the publisher made"
        assert room.pipeline.encoders == 0
        assert named == truth
        assert _starts_decoding(relayed, received[0].data)
        assert room.pipeline.relay.viewers == 2
        assert model_frame.pts in by_content.values()
        collector.cancel()
        await viewer.close()
        await publisher.close()


def _starts_decoding(codec: str, payload: bytes) -> bool:
    if codec == "h264":
        return h264.has_idr(payload) and h264.has_parameter_sets(payload)
    return payload[3:6] == b"\x9d\x01\x2a"


async def test_the_session_waits_for_a_publisher_and_for_the_next_one() -> None:
    async with open_room() as room:
        await until(lambda: room.states, "a state was reported")
        assert room.states[-1] == (SourceState.CONNECTING, "waiting for a publisher")
        first, first_id = await publish(room, "H264")
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        assert room.pipeline.state is SourceState.PLAYING
        with pytest.raises(PublisherBusyError):
            await publish(room, "H264")

        await room.pipeline.whip_close(first_id)
        assert room.states[-1] == (SourceState.RECONNECTING, "waiting for a publisher")
        with pytest.raises(ResourceNotFoundError):
            await room.pipeline.whip_close(first_id)
        last_pts = room.pipeline.relay.last_pts

        second, _ = await publish(room, "H264")
        await until(lambda: room.pipeline.state is SourceState.PLAYING, "it plays again")
        await until(lambda: room.discontinuities, "the model was told to forget")
        assert room.discontinuities == ["another publisher"]
        assert room.pipeline.relay.last_pts > last_pts
        await first.close()
        await second.close()


async def test_a_publisher_that_leaves_is_noticed() -> None:
    async with open_room() as room:
        publisher, _ = await publish(room, "H264")
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        await publisher.close()
        await until(
            lambda: room.states[-1] == (SourceState.RECONNECTING, "waiting for a publisher"),
            "the session waits again",
        )


async def test_a_viewer_that_leaves_is_counted_out() -> None:
    async with open_room() as room:
        publisher, _ = await publish(room, "H264")
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        frames: list[RtpFrame] = []
        viewer, viewer_id = await view(room, lambda _codec, frame: frames.append(frame))
        await until(lambda: frames, "the viewer sees something")
        assert room.viewers.count == 1
        await viewer.close()
        await until(lambda: room.viewers.count == 0, "the viewer is gone")
        await until(lambda: room.pipeline.relay.viewers == 0, "its subscription too")
        with pytest.raises(ResourceNotFoundError):
            await room.viewers.close(viewer_id)
        await publisher.close()


async def test_a_publisher_is_asked_for_a_keyframe_when_a_viewer_needs_one() -> None:
    async with open_room() as room:
        publisher, _ = await publish(room, "VP8")
        await until(lambda: room.pipeline.frames_received > 75, "the group of pictures is long")
        newest = room.pipeline.relay.last_pts
        subscription = room.pipeline.relay.subscribe()
        packet = await asyncio.wait_for(subscription.get(), 60)
        assert packet.is_keyframe
        assert packet.pts > newest, "it was made for the viewer"
        await publisher.close()


async def test_only_whip_sessions_take_publishers() -> None:
    async with open_room("/nowhere/video.mp4") as room:
        with pytest.raises(SourceRefusedError, match="not whip"):
            await room.pipeline.whip_accept("v=0\r\n")


async def _viewer_offer() -> str:
    peer = negotiation.create_peer()
    peer.addTransceiver("video", "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = peer.localDescription.sdp
    await peer.close()
    return sdp


@pytest.mark.hazard("H18")
async def test_a_viewer_that_sees_spoiled_pictures_is_sent_a_keyframe() -> None:
    async with open_room() as room:
        # This publisher makes no keyframes of its own accord.
        publisher, _ = await publish(room, "VP8")
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        received: list[RtpFrame] = []
        viewer, viewer_id = await view(room, lambda _codec, frame: received.append(frame))
        await until(lambda: len(received) > 50, "a keyframe may be asked for again")
        keyframes = sum(_starts_decoding("vp8", frame.data) for frame in received)
        room.viewers.repair("v0123456789abcdef")
        room.viewers.repair(viewer_id)
        await until(
            lambda: sum(_starts_decoding("vp8", frame.data) for frame in received) > keyframes,
            "a keyframe came",
        )
        await viewer.close()
        await publisher.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda sdp: "",
        lambda sdp: "hello",
        lambda sdp: "v=0\r\n",
        lambda sdp: sdp[: len(sdp) // 2],
        lambda sdp: sdp.replace("a=ice-ufrag", "a=no-ufrag"),
        lambda sdp: sdp.replace("a=rtcp-mux\r\n", ""),
        lambda sdp: sdp.replace("a=fingerprint:sha-256 ", "a=fingerprint:"),
        lambda sdp: sdp.replace("a=setup:actpass", "a=setup:sideways"),
        lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF ", "UDP/TLS/RTP/SAVPF x"),
        lambda sdp: sdp.replace("a=rtpmap:", "a=rtpmap:x"),
        lambda sdp: sdp.replace("a=candidate:", "a=candidate:x "),
        lambda sdp: sdp.replace("a=group:BUNDLE 0", "a=group:BUNDLE 7 0"),
        lambda sdp: sdp + "x" * 100_000,
    ],
)
async def test_a_broken_offer_is_refused_and_leaves_nothing_behind(
    damage: Callable[[str], str],
) -> None:
    offer = await _viewer_offer()
    async with open_room() as room:
        with pytest.raises(InvalidOfferError) as caught:
            await room.viewers.create(damage(offer), "h264")
        assert "\n" not in str(caught.value)
        assert room.viewers.count == 0
        with pytest.raises(InvalidOfferError):
            await room.pipeline.whip_accept(damage(offer.replace("a=recvonly", "a=sendonly")))


async def test_an_offer_in_the_wrong_direction_is_refused() -> None:
    wants_video = await _viewer_offer()
    sends_video = wants_video.replace("a=recvonly", "a=sendonly")
    async with open_room() as room:
        with pytest.raises(InvalidOfferError, match="receive"):
            await room.viewers.create(sends_video, "h264")
        with pytest.raises(InvalidOfferError, match="send"):
            await room.pipeline.whip_accept(wants_video)


async def test_mutilated_offers_are_answered_or_refused_but_never_fail() -> None:
    offer = await _viewer_offer()
    lines = offer.split("\r\n")
    chance = random.Random(7)  # noqa: S311
    async with open_room() as room:
        for _ in range(40):
            damaged = list(lines)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(damaged))
                cut = chance.randrange(len(damaged[at]) + 1)
                damaged[at] = chance.choice(
                    ["", damaged[at][:cut], damaged[at] + " \u00e9", chance.choice(lines)]
                )
            with contextlib.suppress(InvalidOfferError, UnsupportedCodecError):
                viewer_id, _ = await room.viewers.create("\r\n".join(damaged), "h264")
                await room.viewers.close(viewer_id)
        assert room.viewers.count == 0


async def test_a_viewer_without_the_streams_codec_is_refused() -> None:
    peer = negotiation.create_peer()
    transceiver = peer.addTransceiver("video", "recvonly")
    transceiver.setCodecPreferences(negotiation.video_codecs("VP8"))
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp
    await peer.close()
    async with open_room() as room:
        with pytest.raises(UnsupportedCodecError):
            await room.viewers.create(offer, "h264")
        assert room.viewers.count == 0
