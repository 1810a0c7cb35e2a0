from __future__ import annotations

import pytest

from server.media.rtsp.depacketizer import (
    MAX_PICTURE_BYTES,
    AccessUnit,
    H264Depacketizer,
    RtpPacket,
    parse_rtp,
)
from tests.fakes.rtsp_camera import PPS, SPS, packetize, rtp_packet

_START = b"\x00\x00\x00\x01"


def _slice(size: int = 20, kind: int = 1) -> bytes:
    return bytes([0x60 | kind]) + bytes(1 + n % 255 for n in range(size))


def _feed(depacketizer: H264Depacketizer, packets: list[bytes]) -> list[AccessUnit]:
    found = []
    for raw in packets:
        packet = parse_rtp(raw)
        assert packet is not None
        unit = depacketizer.add(packet)
        if unit is not None:
            found.append(unit)
    return found


def test_a_picture_is_complete_at_its_marker_bit() -> None:
    picture = _START + SPS + _START + PPS + _START + _slice(5000, 5)
    packets = packetize(picture, 65534, 9000)
    assert len(packets) == 6
    depacketizer = H264Depacketizer()
    assert _feed(depacketizer, packets[:-1]) == []
    assert _feed(depacketizer, packets[-1:]) == [AccessUnit(picture, 9000)]
    assert depacketizer.lost == 0


def test_aggregates_are_taken_apart() -> None:
    payload = b"\x78" + b"".join(len(u).to_bytes(2, "big") + u for u in (SPS, PPS, _slice()))
    units = _feed(H264Depacketizer(), [rtp_packet(1, 5, payload, marker=True)])
    assert units == [AccessUnit(_START + SPS + _START + PPS + _START + _slice(), 5)]


def test_without_markers_a_picture_ends_where_the_next_one_begins() -> None:
    packets = [rtp_packet(n, 3600 * n, _slice()) for n in range(3)]
    units = _feed(H264Depacketizer(), packets)
    assert [unit.timestamp for unit in units] == [0, 3600]


def test_markers_on_every_unit_are_seen_through() -> None:
    depacketizer = H264Depacketizer()
    packets = [
        rtp_packet(2 * n + half, 3600 * n, _slice(20 + half), marker=True)
        for n in range(4)
        for half in range(2)
    ]
    units = _feed(depacketizer, packets)
    whole = _START + _slice(20) + _START + _slice(21)
    assert not depacketizer.trusts_marker
    assert units[1:] == [AccessUnit(whole, 3600), AccessUnit(whole, 7200)]


def test_parameter_sets_with_a_marker_wait_for_their_picture() -> None:
    packets = [
        rtp_packet(1, 5, SPS, marker=True),
        rtp_packet(2, 5, PPS, marker=True),
        rtp_packet(3, 5, _slice(9, 5), marker=True),
    ]
    units = _feed(H264Depacketizer(), packets)
    assert units == [AccessUnit(_START + SPS + _START + PPS + _START + _slice(9, 5), 5)]


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_a_picture_with_a_missing_packet_is_left_out_and_counted(missing: int) -> None:
    depacketizer = H264Depacketizer()
    first = packetize(_START + _slice(), 0, 0)
    torn = packetize(_START + _slice(5000), 1, 3600)
    after = packetize(_START + _slice(), 1 + len(torn), 7200)
    later = packetize(_START + _slice(), 2 + len(torn), 10800)
    del torn[missing]
    units = _feed(depacketizer, first + torn + after + later)
    times = [unit.timestamp for unit in units]
    # If the last packet is missing, the beginning of the next picture may be missing too.
    assert times == ([0, 10800] if missing == 3 else [0, 7200, 10800])
    assert depacketizer.lost == (2 if missing == 3 else 1)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x1c",
        b"\x7c\x01abc",
        b"\x78\x00\x30short",
        b"\x79\x00\x00\x00",
        b"\x7d\x80abc",
        b"\x00abc",
    ],
)
def test_broken_payloads_spoil_their_picture_only(payload: bytes) -> None:
    depacketizer = H264Depacketizer()
    broken = [rtp_packet(0, 0, payload), rtp_packet(1, 0, _slice(), marker=True)]
    good = [rtp_packet(2, 3600, _slice(), marker=True)]
    assert [unit.timestamp for unit in _feed(depacketizer, broken + good)] == [3600]
    assert depacketizer.lost == 1


def test_a_picture_without_an_end_is_bounded() -> None:
    depacketizer = H264Depacketizer()
    unit = RtpPacket(96, 0, 0, False, _slice(60_000))
    for number in range(MAX_PICTURE_BYTES // 60_000 + 10):
        assert depacketizer.add(RtpPacket(96, number, 0, False, unit.payload)) is None
    after = depacketizer.add(RtpPacket(96, number + 1, 3600, True, _slice()))
    assert after == AccessUnit(_START + _slice(), 3600)
    assert depacketizer.lost == 1


def test_extensions_sources_and_padding_are_left_out() -> None:
    head = bytes([0x80 | 0x20 | 0x10 | 1, 96]) + bytes(10)
    extension = b"\xbe\xde\x00\x01" + b"abcd"
    packet = parse_rtp(head + b"csrc" + extension + b"payload" + b"\x00\x00\x03")
    assert packet is not None
    assert packet.payload == b"payload"


@pytest.mark.parametrize(
    "raw", [b"", b"\x80" * 11, b"\x00" * 20, b"\x9f" + bytes(20), b"\xa0" + b"\xff" * 13]
)
def test_what_is_no_rtp_is_left_out(raw: bytes) -> None:
    assert parse_rtp(raw) is None
