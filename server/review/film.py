"""A file as a film: its packets with their times, and what a browser needs to know to play them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from types import TracebackType
from typing import Final

import av

from server.errors import ReviewError
from server.media import h264
from server.media.file_source import FileReader
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, StreamFormat
from server.media.picture_decoder import CorruptPacketError, PictureDecoder
from server.media.timeline import Timeline

_BATCH = 32
_PROBED_PACKETS = 1500
_PROBED_PICTURES = 50
_FARTHEST_START_TICKS: Final = 15 * CLOCK_RATE_HZ
"""Where one can begin to decode more seldom than this, seeking would take seconds."""

_BROWSER_FORMATS = frozenset({"yuv420p", "yuvj420p"})


class Film:
    """The video packets of a file in decoding order, from the first to the last. Blocks.

    `pts` begins at 0 with the first packet. Reading a file twice gives the same packets with the
    same times, which is what ties the masks to the pictures: both sides name a picture by its
    packet's `pts`.

    Raises (from the constructor):
        SourceError: As `FileReader`.
    """

    def __init__(self, path: str) -> None:
        self._reader = FileReader(path)

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._reader.close()

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def format(self) -> StreamFormat:
        """How the packets are coded."""
        return self._reader.format

    def packets(self) -> Iterator[SourcePacket]:
        """Yield the packets; once.

        Raises:
            SourceError: The file cannot be read further.
        """
        timeline = Timeline()
        while batch := self._reader.read(_BATCH):
            for packet in batch:
                pts = timeline.map(packet.pts)
                # What is shown before the first that can be decoded needs what is cut off.
                if pts >= 0:
                    at_ns = pts * 1_000_000_000 // CLOCK_RATE_HZ
                    yield SourcePacket(packet.payload, pts, packet.is_keyframe, at_ns)

    def needs_encoding(self, label: str) -> bool:
        """Look at the first packets: whether a browser needs them encoded again. Once.

        Raises:
            SourceError: As `packets`, and `UnsupportedCodecError` for what cannot be decoded.
        """
        codec = self.format.codec
        if codec not in ("h264", "vp8"):
            return True
        last_start = 0
        probed: list[SourcePacket] = []
        for packet in islice(self.packets(), _PROBED_PACKETS):
            if can_start(packet, codec):
                last_start = packet.pts
            if packet.pts - last_start > _FARTHEST_START_TICKS:
                return True
            if len(probed) < _PROBED_PICTURES:
                probed.append(packet)
        if not probed or not can_start(probed[0], codec):
            return True
        return not _suits_browsers(self.format, probed, label)


@dataclass(frozen=True)
class Coding:
    """What a browser's decoder is told: a codec string of WebCodecs, and whether we encoded it."""

    codec: str
    is_reencoded: bool


def can_start(packet: SourcePacket, codec: str) -> bool:
    """Whether a browser can begin to decode with this packet."""
    return packet.is_keyframe and (codec != "h264" or h264.has_idr(packet.payload))


def codec_string(packet: bytes, codec: str) -> str:
    """Return the name of a stream's coding by its first packet (RFC 6381; Annex B has no more).

    Raises:
        ReviewError: An H.264 stream begins without its parameters.
    """
    if codec != "h264":
        return codec
    for unit in h264.iter_nal_units(packet):
        if unit[0] & 0x1F == h264.NAL_SPS and len(unit) >= 4:
            return f"avc1.{unit[1:4].hex()}"
    raise ReviewError("the video begins without its parameters (no sequence parameter set)")


def _suits_browsers(stream: StreamFormat, packets: list[SourcePacket], label: str) -> bool:
    """Whether browsers decode these pictures, and would show them in their order.

    Some containers tell when pictures are decoded, not when they are shown.
    """
    decoder = PictureDecoder(stream, label)
    frames: list[av.VideoFrame] = []
    try:
        for packet in packets:
            frames += decoder.decode(packet)
        frames += decoder.drain()
    except CorruptPacketError:
        return False
    times = [frame.pts if frame.pts is not None else -1 for frame in frames]
    return (
        bool(frames)
        and all(before < after for before, after in pairwise([-1, *times]))
        and all(f.format.name in _BROWSER_FORMATS and not f.interlaced_frame for f in frames)
    )
