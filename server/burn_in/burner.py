"""Coded pictures in, coded pictures with their outline and caption out; for one thread."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, VideoReformatter

from server.burn_in.caption import burn_caption, caption_lines
from server.burn_in.outline import YuvPicture, burn_outline, is_bt709
from server.masks import rle
from server.masks.hub import MaskRecord
from server.masks.message import StateMessage
from server.media.container import MAX_PICTURE
from server.media.encoder import RelayEncoder, relayed_size
from server.media.frame import CLOCK_RATE_HZ, CodedPacket, RelayCodec
from server.media.picture_decoder import padded_packet

_TIME_BASE = Fraction(1, CLOCK_RATE_HZ)
_PENDING_TIMES = 64


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture and the packet it came from, named by its pts."""

    frame: av.VideoFrame
    pts: int
    captured_at_ns: int


class PictureBurner:
    """Decodes, draws and encodes. Belongs to one thread at a time.

    Args:
        encoder: Its own; closed with it.
        mask_wait_ms: How long pictures wait for their masks, as it is written on those without.
    """

    def __init__(self, encoder: RelayEncoder, mask_wait_ms: int) -> None:
        self._encoder = encoder
        self._mask_wait_ms = mask_wait_ms
        self._codec: RelayCodec | None = None
        self._decoder: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()
        self._captured: dict[int, int] = {}

    def close(self) -> None:
        """Free the encoder."""
        self._encoder.close()

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._encoder.request_keyframe()

    def decode(self, packet: CodedPacket) -> list[DecodedPicture]:
        """Decode a packet of the relay.

        Raises:
            av.FFmpegError: It cannot be decoded.
        """
        if self._decoder is None or packet.codec != self._codec:
            self._codec = packet.codec
            self._decoder = _open_decoder(packet.codec)
            self._captured.clear()
        coded = padded_packet(packet.payload)
        coded.pts, coded.time_base = packet.pts, _TIME_BASE
        self._captured[packet.pts] = packet.captured_at_ns
        while len(self._captured) > _PENDING_TIMES:
            del self._captured[next(iter(self._captured))]
        return [
            DecodedPicture(frame, frame.pts, self._captured.pop(frame.pts))
            for frame in self._decoder.decode(coded)
            if frame.pts is not None and frame.pts in self._captured
        ]

    def burn(
        self, decoded: DecodedPicture, mask: MaskRecord | None, state: StateMessage
    ) -> CodedPacket | None:
        """Draw a picture's own mask and the AI's state into it, and encode it.

        Args:
            decoded: The picture.
            mask: Its mask; None if there was none in time.
            state: What the AI does.

        Raises:
            av.FFmpegError: The encoder failed.
            ValueError: The mask is another picture's; nothing was drawn.
        """
        if mask is not None and mask.pts != decoded.pts:
            raise ValueError(f"the mask of {mask.pts} is not that of {decoded.pts}")
        frame = decoded.frame
        width, height = relayed_size(frame.width, frame.height)
        even = self._reformatter.reformat(
            frame, width, height, "yuv420p", dst_color_range=ColorRange.MPEG
        )
        rows = even.to_ndarray().astype(np.uint8, copy=False)
        picture = YuvPicture.from_rows(rows, is_bt709=is_bt709(frame.colorspace))
        if mask is not None:
            drawn = mask.drawn_rle or mask.rle
            shape = rle.decode(drawn.counts, *drawn.size)
            burn_outline(picture, shape, _scaled(mask.region, mask.source_size, (height, width)))
        wait_ms = None if mask is not None else self._mask_wait_ms
        burn_caption(picture, caption_lines(state, without_mask_after_ms=wait_ms))
        out = av.VideoFrame.from_ndarray(rows, "yuv420p")
        out.colorspace, out.color_range = frame.colorspace, ColorRange.MPEG
        return self._encoder.encode(out, decoded.pts, decoded.captured_at_ns)


def _open_decoder(codec: RelayCodec) -> VideoCodecContext:
    context = av.CodecContext.create(codec, "r")
    # Frame threads would hold back one picture each; slices do not.
    context.thread_type = "SLICE"
    context.thread_count = 2
    context.options = {"max_pixels": str(MAX_PICTURE[0] * MAX_PICTURE[1])}
    return context


def _scaled(
    region: tuple[int, int, int, int], source: tuple[int, int], picture: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Move a region, (x, y, width, height), from a picture of one (height, width) to another."""
    if source == picture:
        return region
    scale_y, scale_x = picture[0] / source[0], picture[1] / source[1]
    x, y, width, height = region
    return round(x * scale_x), round(y * scale_y), round(width * scale_x), round(height * scale_y)
