"""Whole coded pictures out of the pieces in which RTSP delivers them."""

from __future__ import annotations

from server.media import h264
from server.media.frame import CodedPicture

_H264_SLICES = range(1, 6)
_H264_SPS = 7
_H265_RANDOM_ACCESS = range(16, 22)


class PictureJoiner:
    """Joins the pieces with one RTP timestamp; a picture is given out when the next one begins.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: Headers told in the session description.
    """

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._codec = codec
        self._keeper = h264.ParameterSetKeeper(extradata if codec == "h264" else b"")
        self._pieces: list[bytes] = []
        self._ticks = 0
        self._arrived_ns = 0

    def add(self, piece: bytes, ticks: int | None, arrived_ns: int) -> CodedPicture | None:
        """Take a piece; returns the picture before it, if this one begins another.

        A piece without a time belongs to the picture at hand.
        """
        picture = None
        if ticks is not None and ticks != self._ticks:
            picture = self._finish()
            self._ticks = ticks
        if piece:
            self._pieces.append(piece)
            self._arrived_ns = arrived_ns
        return picture

    def _finish(self) -> CodedPicture | None:
        payload = b"".join(self._pieces)
        self._pieces.clear()
        if not payload:
            return None
        is_keyframe = can_start_at(self._codec, payload)
        if self._codec == "h264" and is_keyframe and h264.has_idr(payload):
            payload = self._keeper.complete(payload)
        return CodedPicture(payload, self._ticks, is_keyframe, self._arrived_ns)


def can_start_at(codec: str, payload: bytes) -> bool:
    """Whether decoding can start at this picture; for codecs not read here, whether it might."""
    if codec == "h264":
        types = [unit[0] & 0x1F for unit in h264.iter_nal_units(payload)]
        # Encoders without IDR pictures repeat their SPS where one can tune in.
        return 5 in types or (_H264_SPS in types and any(t in _H264_SLICES for t in types))
    if codec == "hevc":
        return any(
            unit[0] >> 1 & 0x3F in _H265_RANDOM_ACCESS for unit in h264.iter_nal_units(payload)
        )
    return True
