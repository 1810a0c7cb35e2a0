"""Capture cards and cameras of this machine: `/dev/videoN` by V4L2."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

import av
from av.container import InputContainer

from server.errors import SourceError, SourceRefusedError, SourceUnreachableError
from server.media import container

_DEVICE = re.compile(r"^(/dev/(?:video\d{1,4}|v4l/[\w.:/-]{1,200}))(?:\?(.*))?$", re.ASCII)
_RULES = {
    "size": (re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}", re.ASCII), "size=1920x1080"),
    "fps": (re.compile(r"[1-9]\d{0,2}(?:\.\d{1,3})?", re.ASCII), "fps=60"),
    "format": (re.compile(r"[a-z][a-z0-9_]{1,15}", re.ASCII), "format=mjpeg"),
}
_NONBLOCK = 4
"""AVFMT_FLAG_NONBLOCK, which has no name among FFmpeg's options. A device that freezes could else
not be left: nothing interrupts the driver's own waiting."""

_OPEN_TIMEOUT_S = 5.0

_FFMPEG_NAMES = {"size": "video_size", "fps": "framerate", "format": "input_format"}


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """A device and how it is to deliver; an option that is not set is left to the driver.

    Attributes:
        path: The device's file.
        options: Some of `size`, `fps` and `format`, checked.
    """

    path: str
    options: tuple[tuple[str, str], ...] = ()


def is_capture(text: str) -> bool:
    """Whether a source, as people write it, names a capture device."""
    return text.startswith(("/dev/video", "/dev/v4l/"))


def parse_capture(text: str) -> CaptureDevice:
    """Read `/dev/video0?size=1920x1080&fps=60&format=mjpeg`; every option may be left out.

    Raises:
        SourceRefusedError: The path is none of a capture device, or an option cannot be used.
    """
    match = _DEVICE.match(text)
    if match is None or ".." in match[1]:
        raise SourceRefusedError(
            "a capture device is written /dev/videoN or /dev/v4l/by-id/NAME,"
            " with ?size=1920x1080&fps=60&format=mjpeg where the driver's choice does not suit"
        )
    options = parse_qsl(match[2] or "", keep_blank_values=True)
    for name, value in options:
        if name not in _RULES:
            raise SourceRefusedError(
                f"capture devices have no option {name[:20]!r}; they have {', '.join(_RULES)}"
            )
        rule, example = _RULES[name]
        if not rule.fullmatch(value):
            raise SourceRefusedError(f"the capture option {name} is written as in {example}")
    return CaptureDevice(match[1], tuple(dict(options).items()))


def open_capture(device: CaptureDevice) -> InputContainer:
    """Open a device. Blocks for its first picture, some seconds at most.

    Reading from what is returned raises `BlockingIOError` where no picture is there yet.

    Raises:
        SourceUnreachableError: It is not there, or another program uses it.
        SourceRefusedError: It may not be opened.
        SourceError: It is no capture device, or does not deliver what the options ask.
    """
    try:
        return av.open(
            device.path,
            format="v4l2",
            options={_FFMPEG_NAMES[name]: value for name, value in device.options},
            container_options={"fflags": f"nobuffer+{_NONBLOCK}"},
            timeout=_OPEN_TIMEOUT_S,
        )
    except (av.FFmpegError, OSError) as exc:
        raise _open_error(exc, device) from exc


def _open_error(exc: Exception, device: CaptureDevice) -> SourceError:
    """Name cause and cure of a device that cannot be opened."""
    path, number = device.path, getattr(exc, "errno", None)
    if isinstance(exc, (av.ExitError, TimeoutError)):
        return SourceUnreachableError(
            f"{path} gives no picture; look whether its cable is plugged in and carries a signal"
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return SourceUnreachableError(
            f"{path} is not there; plug the capture device in (ls /dev/video* lists them)"
        )
    if number == errno.EBUSY:
        return SourceUnreachableError(
            f"{path} is used by another program; end that program (fuser -v {path} names it)"
        )
    if number in (errno.EACCES, errno.EPERM):
        return SourceRefusedError(
            f"{path} may not be opened; add the service's user to the group `video`,"
            " or pass the device into its container"
        )
    if number == errno.EINVAL and device.options:
        asked = ", ".join(f"{name}={value}" for name, value in device.options)
        return SourceError(
            f"{path} does not deliver {asked}; v4l2-ctl -d {path} --list-formats-ext tells what"
        )
    return SourceError(
        f"{path} is no capture device that can be read ({container.cause_of(exc)});"
        " a card has several files, of which one gives pictures"
    )
