"""What comes from the network is read by code of ours; no bytes may make it do more than refuse."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import InvalidPictureError
from server.media import h264
from server.media.frame_assembler import FrameAssembler, RtpPiece
from server.media.picture_header import read_picture_header
from server.media.picture_joiner import PictureJoiner, can_start_at
from server.media.rtsp.depacketizer import H264Depacketizer, parse_rtp
from server.media.rtsp.description import find_video
from server.media.rtsp.message import RtspSyntaxError, read_message
from tests.fakes.still_pictures import jpeg, png

anything = settings(deadline=None, max_examples=150)
_START = b"\x00\x00\x01"


@anything
@given(st.lists(st.binary(max_size=200), max_size=20))
@pytest.mark.hazard("H16")
def test_any_packets_are_depacketized_or_left_out(packets: list[bytes]) -> None:
    depacketizer = H264Depacketizer()
    for number, payload in enumerate(packets):
        head = bytes([0x80, 0xE0]) + number.to_bytes(2, "big") + bytes(8)
        for content in (payload, head + payload):
            packet = parse_rtp(content)
            if packet is not None:
                depacketizer.add(packet)


@anything
@given(st.binary(max_size=400))
@pytest.mark.hazard("H16")
def test_any_bytes_are_read_as_h264_without_harm(content: bytes) -> None:
    for payload in (content, _START + content, _START.join([b"", content[:50], content[50:]])):
        h264.has_b_slice(payload)
        h264.is_browser_profile(payload)
        h264.ParameterSetKeeper(payload).complete(payload)
        for codec in ("h264", "hevc", "mjpeg"):
            can_start_at(codec, payload)
            PictureJoiner(codec, payload).add(payload, 3600, 0)


@anything
@given(st.binary(max_size=300))
@pytest.mark.hazard("H16")
def test_any_bytes_are_an_rtsp_message_or_refused(content: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        for start in (b"", b"$\x00", b"RTSP/1.0 200 OK\r\n", b"OPTIONS * RTSP/1.0\r\n"):
            reader.feed_data(start + content)
        reader.feed_eof()
        with contextlib.suppress(RtspSyntaxError, asyncio.IncompleteReadError):
            for _ in range(400):
                await read_message(reader)

    asyncio.run(read())


@anything
@given(st.text(max_size=300))
@pytest.mark.hazard("H16")
def test_any_description_is_read_or_left_out(text: str) -> None:
    find_video(text)
    find_video(f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {text}\r\na=fmtp:96 {text}\r\na={text}")


@anything
@given(st.binary(max_size=100), st.integers(0, 400), st.sampled_from([jpeg(40, 30), png(40, 30)]))
def test_any_header_is_read_or_refused(content: bytes, at: int, picture: bytes) -> None:
    for damaged in (content, picture[:at] + content + picture[at:], picture[:at]):
        with contextlib.suppress(InvalidPictureError):
            header = read_picture_header(damaged)
            assert min(header.width, header.height) > 0
            assert max(header.width, header.height) <= 4096


@anything
@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFF), st.integers(0, 3), st.booleans(), st.binary(max_size=4)),
        max_size=80,
    )
)
def test_any_order_of_packets_is_assembled_or_given_up(
    pieces: list[tuple[int, int, bool, bytes]],
) -> None:
    assembler = FrameAssembler()
    for number, (sequence, timestamp, is_last, content) in enumerate(pieces):
        piece = RtpPiece(sequence, timestamp, is_last, 96, content)
        for frame in assembler.add(piece, number * 50_000_000):
            assert frame.data
