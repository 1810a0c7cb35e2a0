"""Which capture devices there are and what they deliver, asked of their drivers (V4L2).

The requests and structures are those of linux/videodev2.h.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_DEVICES = 64
_MOST_FORMATS = 32
_MOST_SIZES = 64
_MOST_RATES = 32

_CAPABILITY = struct.Struct("=16s32s32s3I12x")
_FORMAT = struct.Struct("=3I32sI16x")
_SIZE = struct.Struct("=9I8x")
_RATE = struct.Struct("=11I8x")
_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_ENUM_FRAMEINTERVALS = 0xC034564B
_VIDEO_CAPTURE = 0x00000001
_HAS_DEVICE_CAPS = 0x80000000
_DISCRETE = 1

_FFMPEG_NAMES = {
    "YUYV": "yuyv422", "UYVY": "uyvy422", "NV12": "nv12", "YU12": "yuv420p", "422P": "yuv422p",
    "RGB3": "rgb24", "BGR3": "bgr24", "GREY": "gray", "MJPG": "mjpeg", "JPEG": "mjpeg",
    "H264": "h264", "HEVC": "hevc",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaptureSize:
    """Pictures a device can deliver.

    Attributes:
        width: Pixels; the greatest where the device takes any in a range.
        height: The same.
        fps: Pictures a second at this size, the most first; empty if the driver does not tell.
    """

    width: int
    height: int
    fps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CaptureFormat:
    """A form in which a device delivers.

    Attributes:
        format: FFmpeg's name, as the option `format` takes it; empty if it cannot be used here.
        description: The driver's words.
        sizes: The greatest first.
    """

    format: str
    description: str
    sizes: tuple[CaptureSize, ...]


@dataclass(frozen=True, slots=True)
class CaptureCard:
    """A device.

    Attributes:
        path: Its file, `/dev/videoN`.
        stable_path: A name that stays the same in whatever order devices are plugged; empty if it
            has none.
        name: The driver's words.
        formats: What it delivers.
        problem: Why nothing more is known of it; empty if all is well.
    """

    path: str
    stable_path: str = ""
    name: str = ""
    formats: tuple[CaptureFormat, ...] = ()
    problem: str = ""


def list_devices(folder: Path = Path("/dev")) -> list[CaptureCard]:
    """Return the capture devices of this machine. Blocks for as long as their drivers do.

    Files that give no pictures (a card has several) are left out.
    """
    names = [path.name for path in folder.glob("video*") if path.name[5:].isdecimal()]
    paths = [folder / name for name in sorted(names, key=lambda name: int(name[5:]))]
    stable = _stable_paths(folder)
    cards = (describe_device(path, stable.get(path.name, "")) for path in paths[:_MOST_DEVICES])
    return [card for card in cards if card is not None]


def describe_device(path: Path, stable_path: str = "") -> CaptureCard | None:
    """Ask a driver what its device delivers; None if that is no pictures."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        return CaptureCard(str(path), stable_path, problem=_problem_of(exc))
    try:
        driver, card, _, _, all_caps, device_caps = _ask(
            descriptor, _QUERYCAP, _CAPABILITY, b"", b"", b"", 0, 0, 0
        )
        caps = device_caps if all_caps & _HAS_DEVICE_CAPS else all_caps
        if not caps & _VIDEO_CAPTURE:
            return None
        formats = tuple(_formats(descriptor))
        return CaptureCard(str(path), stable_path, _text(card) or _text(driver), formats)
    except OSError:
        # Something else answers to the name of a video device.
        return None
    finally:
        os.close(descriptor)


def _stable_paths(folder: Path) -> dict[str, str]:
    """Return the names in /dev/v4l/by-id by the names of the files that they lead to."""
    links = sorted((folder / "v4l" / "by-id").glob("*"))
    return {link.resolve().name: str(link) for link in reversed(links)}


def _problem_of(exc: OSError) -> str:
    if exc.errno in (errno.EACCES, errno.EPERM):
        return "it may not be opened; add the service's user to the group `video`"
    if exc.errno == errno.EBUSY:
        return "another program uses it"
    return f"it cannot be opened ({(exc.strerror or type(exc).__name__).lower()})"


def _formats(descriptor: int) -> Iterator[CaptureFormat]:
    for index in range(_MOST_FORMATS):
        try:
            _, _, _, words, code = _ask(
                descriptor, _ENUM_FMT, _FORMAT, index, _VIDEO_CAPTURE, 0, b"", 0
            )
        except OSError:
            return
        fourcc = code.to_bytes(4, "little").decode("ascii", "replace")
        name = _FFMPEG_NAMES.get(fourcc, "")
        description = _text(words) or fourcc
        sizes = sorted(_sizes(descriptor, code), key=lambda s: (-s.width * s.height, -s.width))
        yield CaptureFormat(name, description, tuple(sizes))


def _sizes(descriptor: int, code: int) -> Iterator[CaptureSize]:
    for index in range(_MOST_SIZES):
        try:
            _, _, kind, *numbers = _ask(
                descriptor, _ENUM_FRAMESIZES, _SIZE, index, code, 0, 0, 0, 0, 0, 0, 0
            )
        except OSError:
            return
        # Either width and height, or the least, the greatest and the step of both.
        width, height = numbers[:2] if kind == _DISCRETE else (numbers[1], numbers[4])
        rates = sorted(_rates(descriptor, code, width, height), reverse=True)
        yield CaptureSize(width, height, tuple(dict.fromkeys(rates)))
        if kind != _DISCRETE:
            return


def _rates(descriptor: int, code: int, width: int, height: int) -> Iterator[float]:
    for index in range(_MOST_RATES):
        try:
            _, _, _, _, _, numerator, denominator, *_ = _ask(
                descriptor, _ENUM_FRAMEINTERVALS, _RATE, index, code, width, height, *[0] * 7
            )
        except OSError:
            return
        # A range begins with the shortest interval.
        if numerator:
            yield round(denominator / numerator, 2)


def _ask(descriptor: int, request: int, layout: struct.Struct, *values: object) -> tuple:  # type: ignore[type-arg]  # as in the layout
    """Put one request to the driver and return the fields of its answer."""
    content = bytearray(layout.pack(*values))
    fcntl.ioctl(descriptor, request, content)
    return layout.unpack(content)


def _text(words: bytes) -> str:
    """Return a driver's words up to their end, as far as they can be shown."""
    text = words.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable()).strip()
