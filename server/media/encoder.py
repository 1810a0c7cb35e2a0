"""The session's own encoder, for video that browsers cannot play as it comes."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, VideoReformatter

from server.media.frame import CLOCK_RATE_HZ, CodedPacket

_TIME_BASE = Fraction(1, CLOCK_RATE_HZ)
_GROUP_TICKS = CLOCK_RATE_HZ
_X264_OPTIONS = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "profile": "baseline",
    "crf": "21",
    # Bounds bursts on the wire; crf alone lets noise take any rate.
    "maxrate": "8M",
    "bufsize": "4M",
    # A requested keyframe must be an IDR picture, or joiners could not start there.
    "forced-idr": "1",
}


def relayed_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) at which a picture is encoded: 4:2:0 needs even sides."""
    return max(2, width & ~1), max(2, height & ~1)


class RelayEncoder:
    """x264 without delay and without B pictures: every picture in gives one packet, same pts.

    A keyframe comes once a second and on request, each with its parameter sets. Belongs to the
    decoder thread.
    """

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()
        self._last_keyframe_pts = 0
        self._keyframe_wanted = True

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._keyframe_wanted = True

    def encode(self, frame: av.VideoFrame, pts: int, captured_at_ns: int) -> CodedPacket | None:
        """Encode one picture; `pts` in 90 kHz ticks must grow from call to call.

        Returns:
            The packet with this very pts, or None if the encoder dropped the picture.

        Raises:
            av.FFmpegError: The encoder failed.
        """
        width, height = relayed_size(frame.width, frame.height)
        context = self._context
        if context is None or (context.width, context.height) != (width, height):
            context = self._context = self._open(width, height)
            self._keyframe_wanted = True
        picture = self._reformatter.reformat(
            frame, width, height, "yuv420p", dst_color_range=ColorRange.MPEG
        )
        picture.pts = pts
        picture.time_base = _TIME_BASE
        wanted = self._keyframe_wanted or pts - self._last_keyframe_pts >= _GROUP_TICKS
        picture.pict_type = PictureType.I if wanted else PictureType.NONE
        for packet in context.encode(picture):
            if packet.is_keyframe:
                self._last_keyframe_pts = pts
                self._keyframe_wanted = False
            return CodedPacket(
                payload=bytes(packet),
                pts=pts,
                is_keyframe=packet.is_keyframe,
                codec="h264",
                captured_at_ns=captured_at_ns,
            )
        return None

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context = av.CodecContext.create("libx264", "w")
        context.width = width
        context.height = height
        context.pix_fmt = "yuv420p"
        context.time_base = _TIME_BASE
        context.framerate = Fraction(30)
        context.color_range = ColorRange.MPEG
        context.gop_size = 600
        context.thread_count = 1
        context.options = dict(_X264_OPTIONS)
        return context
