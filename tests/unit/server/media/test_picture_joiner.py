from __future__ import annotations

import av

from server.media import h264
from server.media.encoder import RelayEncoder
from server.media.picture_joiner import PictureJoiner

_START = b"\x00\x00\x00\x01"


def _keyframe() -> bytes:
    packet = RelayEncoder().encode(av.VideoFrame(64, 48, "yuv420p"), 0, 0)
    assert packet is not None
    return packet.payload


def test_pieces_with_one_time_are_one_picture_however_headers_are_repeated() -> None:
    units = [_START + unit for unit in h264.iter_nal_units(_keyframe())]
    pieces = [*units, *units]
    joiner = PictureJoiner("h264", b"")
    assert [joiner.add(piece, 3000, n) for n, piece in enumerate(pieces)] == [None] * len(pieces)
    picture = joiner.add(b"next", 6000, 99)
    assert picture is not None
    assert picture.payload == b"".join(pieces)
    assert (picture.ticks, picture.is_keyframe) == (3000, True)
    assert picture.arrived_ns == len(pieces) - 1


def test_headers_of_the_session_description_go_into_bare_keyframes() -> None:
    whole = _keyframe()
    bare = b"".join(_START + u for u in h264.iter_nal_units(whole) if u[0] & 0x1F == 5)
    joiner = PictureJoiner("h264", h264.parameter_sets(whole))
    joiner.add(bare, 3000, 0)
    picture = joiner.add(b"next", 6000, 1)
    assert picture is not None
    assert h264.has_parameter_sets(picture.payload)


def test_a_piece_without_time_belongs_to_the_picture_at_hand() -> None:
    joiner = PictureJoiner("mjpeg", b"")
    joiner.add(b"a", 3000, 0)
    joiner.add(b"b", None, 1)
    picture = joiner.add(b"c", 6000, 2)
    assert picture is not None
    assert picture.payload == b"ab"


def test_h265_decoding_starts_at_random_access_pictures() -> None:
    joiner = PictureJoiner("hevc", b"")
    joiner.add(_START + bytes([19 << 1, 1, 5]), 3000, 0)
    first = joiner.add(_START + bytes([1 << 1, 1, 5]), 6000, 1)
    second = joiner.add(b"end", 9000, 2)
    assert first is not None
    assert first.is_keyframe
    assert second is not None
    assert not second.is_keyframe
