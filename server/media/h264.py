"""What must be known of an H.264 stream to relay it untouched (ITU-T H.264, Annex B and 7.3).

Only the NAL unit headers, the first two fields of slice headers and the first bytes of sequence
parameter sets are read; nothing is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_START_CODE = re.compile(rb"\x00\x00\x01")

_NAL_SLICE = 1
_NAL_IDR = 5
NAL_SPS = 7
_NAL_PPS = 8

_BROWSER_PROFILES = frozenset({66, 77, 88, 100})
"""Baseline, Main, Extended (as constrained baseline), High: 8 bit 4:2:0."""


def iter_nal_units(payload: bytes) -> Iterator[bytes]:
    """Yield the NAL units of an Annex B byte stream, without start codes."""
    starts = [match.end() for match in _START_CODE.finditer(payload)]
    for index, start in enumerate(starts):
        end = starts[index + 1] - 3 if index + 1 < len(starts) else len(payload)
        unit = payload[start:end].rstrip(b"\x00")
        if unit:
            yield unit


def has_idr(payload: bytes) -> bool:
    """Whether an Annex B access unit holds an IDR slice: a viewer can start here."""
    return any(unit[0] & 0x1F == _NAL_IDR for unit in iter_nal_units(payload))


def parameter_sets(payload: bytes) -> bytes:
    """Return the SPS and PPS of an access unit as Annex B, empty if there are none."""
    return b"".join(
        b"\x00\x00\x00\x01" + unit
        for unit in iter_nal_units(payload)
        if unit[0] & 0x1F in (NAL_SPS, _NAL_PPS)
    )


def has_parameter_sets(payload: bytes) -> bool:
    """Whether an access unit holds both a sequence and a picture parameter set."""
    types = {unit[0] & 0x1F for unit in iter_nal_units(payload)}
    return NAL_SPS in types and _NAL_PPS in types


def has_b_slice(payload: bytes) -> bool:
    """Whether an access unit holds a B slice, which browsers' receivers do not reorder."""
    for unit in iter_nal_units(payload):
        if unit[0] & 0x1F == _NAL_SLICE and _slice_type(unit) % 5 == 1:
            return True
    return False


def is_browser_profile(sets: bytes) -> bool:
    """Whether the sequence parameter sets in an Annex B stream name a profile browsers decode."""
    return all(
        unit[1] in _BROWSER_PROFILES
        for unit in iter_nal_units(sets)
        if unit[0] & 0x1F == NAL_SPS and len(unit) > 1
    )


class ParameterSetKeeper:
    """Puts parameter sets in front of keyframes that come without, so that anybody can start there.

    Args:
        extradata: Parameter sets told out of band, as Annex B; may be empty.
    """

    def __init__(self, extradata: bytes = b"") -> None:
        self._sets = parameter_sets(extradata)

    def complete(self, payload: bytes) -> bytes:
        """Return an access unit that holds an IDR picture with its parameter sets in front."""
        if has_parameter_sets(payload):
            self._sets = parameter_sets(payload)
            return payload
        return self._sets + payload


def _slice_type(unit: bytes) -> int:
    """Read slice_type (7.3.3): the second Exp-Golomb code after the NAL unit's header byte."""
    bits = int.from_bytes(unit[1:13].ljust(12, b"\x00"), "big")
    position = 96
    value = 0
    for _ in range(2):
        zeros = 0
        while position > zeros and not bits >> (position - 1 - zeros) & 1:
            zeros += 1
        position -= 2 * zeros + 1
        if position < 0:
            return 0
        value = (bits >> position & ((1 << (zeros + 1)) - 1)) - 1
    return value
