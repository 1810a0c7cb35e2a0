from __future__ import annotations

import io

import av
import numpy as np
import pytest

from server.media import h264
from server.media.encoder import RelayEncoder

_START = b"\x00\x00\x00\x01"


def _encode(frames: int, *, b_frames: int = 0, pixel_format: str = "yuv420p") -> list[bytes]:
    output = av.open(io.BytesIO(), "w", format="h264")
    stream = output.add_stream("libx264", rate=25)
    stream.width = stream.height = 64
    stream.pix_fmt = pixel_format
    stream.options = {"bf": str(b_frames), "b-adapt": "0"}
    packets = []
    for index in range(frames):
        pixels = np.roll(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3), index, 0)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        packets += [bytes(p) for p in stream.encode(frame)]
    packets += [bytes(p) for p in stream.encode(None)]
    return packets


def test_nal_units_come_without_start_codes_of_either_length() -> None:
    payload = _START + b"\x67\x42" + b"\x00\x00\x01" + b"\x68\xce\x00" + _START + b"\x65\x88"
    assert list(h264.iter_nal_units(payload)) == [b"\x67\x42", b"\x68\xce", b"\x65\x88"]


def test_a_keyframe_is_known_by_its_idr_slice() -> None:
    packets = _encode(4)
    assert [h264.has_idr(p) for p in packets] == [True, False, False, False]
    assert h264.has_parameter_sets(packets[0])
    assert not h264.has_parameter_sets(packets[1])


def test_b_slices_are_found() -> None:
    assert any(h264.has_b_slice(p) for p in _encode(8, b_frames=2))


def test_a_stream_without_b_slices_has_none() -> None:
    assert not any(h264.has_b_slice(p) for p in _encode(8))


@pytest.mark.parametrize("payload", [b"", b"\x00\x00\x01", _START + b"\x41", _START + b"\x41\x00"])
def test_stumps_of_slices_are_harmless(payload: bytes) -> None:
    assert not h264.has_b_slice(payload)
    assert not h264.has_idr(payload)


def test_ten_bit_video_is_no_browser_profile() -> None:
    assert h264.is_browser_profile(_encode(1)[0])
    assert not h264.is_browser_profile(_encode(1, pixel_format="yuv420p10le")[0])


def test_a_bare_keyframe_gets_the_parameter_sets_seen_last() -> None:
    encoder = RelayEncoder()
    coded = encoder.encode(av.VideoFrame(64, 48, "yuv420p"), 0, 0)
    assert coded is not None
    sets = h264.parameter_sets(coded.payload)
    bare = b"".join(
        _START + unit for unit in h264.iter_nal_units(coded.payload) if unit[0] & 0x1F == 5
    )
    keeper = h264.ParameterSetKeeper()
    assert keeper.complete(coded.payload) == coded.payload
    assert keeper.complete(bare) == sets + bare
    assert h264.ParameterSetKeeper(sets).complete(bare) == sets + bare
