from __future__ import annotations

import itertools

import av
import numpy as np
import pytest

from server.media import h264
from server.media.encoder import RelayEncoder, relayed_size
from server.media.frame import CodedPacket


def _frame(number: int = 0, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    width, height = size
    pixels = np.full((height, width, 3), number * 7 % 256, np.uint8)
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


def _encode(encoder: RelayEncoder, numbers: range, step: int = 3600) -> list[CodedPacket]:
    packets = [encoder.encode(_frame(n), n * step, n) for n in numbers]
    assert None not in packets, "every picture gives a packet at once"
    return [p for p in packets if p is not None]


def test_every_picture_gives_one_packet_with_its_own_pts() -> None:
    packets = _encode(RelayEncoder(), range(30))
    assert [p.pts for p in packets] == [n * 3600 for n in range(30)]
    assert [p.captured_at_ns for p in packets] == list(range(30))
    assert not any(h264.has_b_slice(p.payload) for p in packets)


@pytest.mark.parametrize("step", [1800, 3600, 9000])
def test_a_keyframe_comes_once_a_second_whatever_the_frame_rate(step: int) -> None:
    packets = _encode(RelayEncoder(), range(80), step)
    keys = [p.pts for p in packets if p.is_keyframe]
    assert {b - a for a, b in itertools.pairwise(keys)} == {90_000}
    for packet in packets:
        assert h264.has_idr(packet.payload) == packet.is_keyframe
        assert h264.has_parameter_sets(packet.payload) == packet.is_keyframe


def test_a_requested_keyframe_is_the_next_picture() -> None:
    encoder = RelayEncoder()
    _encode(encoder, range(5))
    encoder.request_keyframe()
    assert [p.is_keyframe for p in _encode(encoder, range(5, 8))] == [True, False, False]


def test_odd_sides_are_made_even() -> None:
    assert relayed_size(353, 241) == (352, 240)
    packet = RelayEncoder().encode(_frame(size=(353, 241)), 0, 0)
    assert packet is not None
    decoder = av.CodecContext.create("h264", "r")
    frames = decoder.decode(av.Packet(packet.payload)) + decoder.decode(None)
    assert [(f.width, f.height) for f in frames] == [(352, 240)]


def test_another_picture_size_starts_with_a_keyframe() -> None:
    encoder = RelayEncoder()
    _encode(encoder, range(3))
    packet = encoder.encode(_frame(size=(96, 64)), 3 * 3600, 0)
    assert packet is not None
    assert packet.is_keyframe
