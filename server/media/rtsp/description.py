"""What a session description (SDP, RFC 8866) tells of a camera's video."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from dataclasses import dataclass
from urllib.parse import urljoin

_MAX_SETS_BYTES = 4096
_STATIC_TYPES = {26: ("JPEG", 90_000), 32: ("MPV", 90_000)}
_ABSOLUTE = re.compile(r"^rtsps?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VideoDescription:
    """The first video of a session description.

    Attributes:
        encoding: Name of the codec in capitals: "H264", "H265", "JPEG"; empty if it is not told.
        payload_type: Of its RTP packets.
        clock_rate_hz: Of its RTP timestamps.
        control: Its own address, relative or absolute; empty if it is not told.
        parameter_sets: H.264 parameter sets as Annex B; empty if none are told.
        packetization_mode: Of RFC 6184; 2 interleaves pictures.
        fps: Frame rate, if told.
    """

    encoding: str
    payload_type: int
    clock_rate_hz: int
    control: str
    parameter_sets: bytes
    packetization_mode: int
    fps: float | None


def find_video(sdp: str) -> VideoDescription | None:
    """Return the first video of a description; None if there is none that can be read."""
    lines = [line.strip() for line in sdp.splitlines()]
    starts = [n for n, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    for start, end in itertools.pairwise(starts):
        words = lines[start].split()
        if words[0] == "m=video" and len(words) > 3 and words[3].isdecimal():
            return _read_video(int(words[3][:4]), lines[start + 1 : end])
    return None


def resolve_control(base: str, control: str) -> str:
    """Return the address of a medium (RFC 2326 appendix C.1.1).

    Cameras append what is relative to the base, whatever that ends with.
    """
    if control in ("", "*"):
        return base
    if _ABSOLUTE.match(control):
        return control
    if control.startswith("/"):
        # urljoin only knows schemes that it was told of.
        joined = urljoin(re.sub(_ABSOLUTE, "http://", base), control)
        return base.partition("://")[0] + joined.removeprefix("http")
    return f"{base.rstrip('/')}/{control}"


def _read_video(payload_type: int, lines: list[str]) -> VideoDescription:
    encoding, clock_rate_hz = _STATIC_TYPES.get(payload_type, ("", 90_000))
    attributes = dict(line[2:].partition(":")[::2] for line in lines if line.startswith("a="))
    parameters: dict[str, str] = {}
    for line in lines:
        name, _, value = line.removeprefix("a=").partition(":")
        number, _, rest = value.partition(" ")
        if number != str(payload_type):
            continue
        if name == "rtpmap":
            match = re.match(r"([\w.+-]+)/(\d{1,9})", rest.strip())
            if match:
                encoding, clock_rate_hz = match[1].upper(), int(match[2])
        elif name == "fmtp":
            fields = (field.strip().partition("=") for field in rest.split(";"))
            parameters = {key.lower(): text for key, _, text in fields}
    return VideoDescription(
        encoding=encoding,
        payload_type=payload_type,
        clock_rate_hz=clock_rate_hz or 90_000,
        control=attributes.get("control", "").strip(),
        parameter_sets=_parameter_sets(parameters.get("sprop-parameter-sets", "")),
        packetization_mode=2 if parameters.get("packetization-mode") == "2" else 1,
        fps=_frame_rate(attributes.get("framerate", "")),
    )


def _parameter_sets(text: str) -> bytes:
    """Decode `sprop-parameter-sets` (RFC 6184 section 8.1); nothing if it is no base64."""
    try:
        units = [base64.b64decode(part, validate=True) for part in text.split(",") if part.strip()]
    except binascii.Error:
        return b""
    sets = b"".join(b"\x00\x00\x00\x01" + unit for unit in units if unit)
    return sets if len(sets) <= _MAX_SETS_BYTES else b""


def _frame_rate(text: str) -> float | None:
    match = re.match(r"\s*(\d{1,3}(?:\.\d{1,6})?)", text)
    fps = float(match[1]) if match else 0.0
    return fps if 1 <= fps <= 240 else None
