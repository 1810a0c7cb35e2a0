"""Which encoder this machine has: each is tried with pictures before it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Literal, cast

import av
import structlog
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from server.media import h264
from server.media.frame import CLOCK_RATE_HZ

EncoderKind = Literal["auto", "nvenc", "qsv", "vaapi", "amf", "x264"]

TIME_BASE = Fraction(1, CLOCK_RATE_HZ)
_PROBE_SIZE = (320, 240)
_PROBE_PICTURES = 4
_UNCALLED_FOR_GROUP = 600

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """One way to encode.

    Attributes:
        kind: Its name in the settings.
        codec: FFmpeg's name of the encoder.
        pixel_format: What it takes.
        options: Its options for least delay; rates are added when it is opened.
        device: Kind of device that must be opened for it; None where the encoder sees to that.
    """

    kind: str
    codec: str
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    device: str | None = None

    def open(
        self, width: int, height: int, preset: str, max_kbps: int, colorspace: int = 2
    ) -> VideoCodecContext:
        """Open it for pictures of one size.

        Args:
            width: Pixels, even.
            height: Pixels, even.
            preset: x264's; the others have their own, chosen for delay.
            max_kbps: Highest rate over half a second.
            colorspace: FFmpeg's number of the pictures' colour matrix, told to who decodes them.

        Raises:
            UnknownCodecError: This FFmpeg was built without it.
            av.FFmpegError: There is no such hardware, or it is busy.
        """
        hardware = HWAccel(self.device) if self.device is not None else None
        context = cast(VideoCodecContext, av.CodecContext.create(self.codec, "w", hwaccel=hardware))
        context.width, context.height = width, height
        context.pix_fmt = self.pixel_format
        context.time_base = TIME_BASE
        context.framerate = Fraction(30)
        context.color_range = ColorRange.MPEG
        context.colorspace = colorspace
        context.gop_size = _UNCALLED_FOR_GROUP
        context.max_b_frames = 0
        context.options = dict(self.options)
        if self.kind == "x264":
            context.thread_count = 1
            # Bounds bursts on the wire; crf alone lets noise take any rate.
            context.options |= {
                "preset": preset, "maxrate": f"{max_kbps}k", "bufsize": f"{max_kbps // 2}k"
            }  # fmt: skip
        else:
            context.bit_rate = max_kbps * 1000
        context.open()
        return context


# A requested keyframe must be an IDR picture (forced-idr), or joiners could not start there.
X264 = EncoderChoice(
    "x264",
    "libx264",
    options={"tune": "zerolatency", "profile": "baseline", "crf": "21", "forced-idr": "1"},
)
HARDWARE = (
    EncoderChoice(
        "nvenc",
        "h264_nvenc",
        options={
            "preset": "p1", "tune": "ull", "zerolatency": "1", "delay": "0", "rc": "cbr",
            "profile": "baseline", "forced-idr": "1", "rc-lookahead": "0",
        },
    ),
    EncoderChoice(
        "qsv",
        "h264_qsv",
        "nv12",
        {"preset": "veryfast", "async_depth": "1", "profile": "baseline", "forced_idr": "1"},
    ),
    EncoderChoice(
        "vaapi",
        "h264_vaapi",
        "nv12",
        {"async_depth": "1", "profile": "constrained_baseline"},
        device="vaapi",
    ),
    EncoderChoice(
        "amf",
        "h264_amf",
        "nv12",
        {"usage": "ultralowlatency", "profile": "constrained_baseline", "forced_idr": "1"},
    ),
)  # fmt: skip


class UnfitEncoderError(Exception):
    """An encoder opens, but what it gives cannot be used live."""


@cache
def choose_encoder(kind: EncoderKind) -> EncoderChoice:
    """Find the encoder to use: once for each process and kind, because trying takes time.

    Args:
        kind: `auto` tries the hardware, in order; a name tries that only. x264 is left if none is
            fit, and the log tells why each was not.
    """
    wanted = [choice for choice in HARDWARE if kind in ("auto", choice.kind)]
    choice, refusals = first_fit(wanted)
    _log.info("encoder_chosen", encoder=choice.kind, refused=refusals)
    return choice


def first_fit(
    choices: Iterable[EncoderChoice], probe: Callable[[EncoderChoice], None] | None = None
) -> tuple[EncoderChoice, dict[str, str]]:
    """Return the first choice that is fit, else x264, and why those before it are not.

    Args:
        choices: In order of preference.
        probe: Raises for an encoder that cannot be used; `probe_encoder` by default.
    """
    refusals: dict[str, str] = {}
    for choice in choices:
        try:
            (probe or probe_encoder)(choice)
        except UnknownCodecError:
            refusals[choice.kind] = "this FFmpeg was built without it"
        except (av.FFmpegError, UnfitEncoderError, OSError, ValueError, RuntimeError) as exc:
            refusals[choice.kind] = str(getattr(exc, "strerror", None) or exc).lower()
        else:
            return choice, refusals
    return X264, refusals


def probe_encoder(choice: EncoderChoice) -> None:
    """Encode some pictures, to see that each comes out at once and a keyframe when asked for.

    Raises:
        UnfitEncoderError: It holds pictures back, reorders them, or gives no keyframe on request.
        UnknownCodecError: This FFmpeg was built without it.
        av.FFmpegError: It cannot be opened.
    """
    width, height = _PROBE_SIZE
    context = choice.open(width, height, "ultrafast", 2000)
    for number in range(_PROBE_PICTURES):
        is_asked = number in (0, _PROBE_PICTURES - 1)
        picture = av.VideoFrame(width, height, choice.pixel_format)
        for index, plane in enumerate(picture.planes):
            plane.update(bytes([60 * number if index == 0 else 128]) * plane.buffer_size)
        picture.pts, picture.time_base = number * 3000, TIME_BASE
        picture.pict_type = PictureType.I if is_asked else PictureType.NONE
        packets = context.encode(picture)
        if len(packets) != 1 or packets[0].pts != picture.pts:
            raise UnfitEncoderError("it holds pictures back")
        if h264.has_b_slice(bytes(packets[0])):
            raise UnfitEncoderError("it reorders pictures")
        if h264.has_idr(bytes(packets[0])) != is_asked:
            raise UnfitEncoderError("it gives keyframes when it likes, not when asked")
        if is_asked and not h264.has_parameter_sets(bytes(packets[0])):
            raise UnfitEncoderError("its keyframes lack their parameter sets")
