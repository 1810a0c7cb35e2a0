"""Which tracks are told: those that lasted, in a place where nothing was told yet.

Some looks are doubtful, and what is seen so has to last much longer. A mask that falls to pieces
leaves regions around the one that was told, for a few frames each and one after the other; each
would be a finding of its own. What the network sees where nothing is, is mostly ragged, or jumps
from mask to mask. Others are sure: a large region, probable all over, round, that stays where it
is. Pure: times are ticks of the session's clock (`pts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from server.findings.persistence import Evidence, LookTimes, PersistenceRule, Trust
from server.findings.tracker import Box
from server.media.frame import CLOCK_RATE_HZ

_MARGIN = 0.25
"""How far `beside` reaches, to each side, in lengths of the told region's box."""

_LEAST_INSIDE = 0.5
"""Share of a region's box that must lie there."""

_LEAST_SOLIDITY = 0.8
"""Share of its convex hull that a region fills unless it is ragged."""

_LEAST_OVERLAP = 0.3
"""Intersection over union of its box with that before, unless it jumps."""

_SURE_SCORE = 0.975
_SURE_SHARE = 0.01
_SURE_SOLIDITY = 0.85
_SURE_OVERLAP = 0.5
"""What a sure look has at least: score, share of the picture, solidity, overlap as above."""


class Region(Protocol):
    """A region as the worker finds it, or as a recording keeps it."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width, height, pixels of the mask."""
        ...

    @property
    def area_px(self) -> int:
        """Its pixels."""
        ...

    @property
    def score(self) -> float:
        """Mean probability."""
        ...

    @property
    def solidity(self) -> float:
        """Share of its convex hull that it fills."""
        ...


@dataclass(frozen=True)
class SeenRegion:
    """A region of a mask.

    Attributes:
        box: Of the picture that the network got.
        share: Of that picture; 0 to 1.
        score: Mean probability.
        solidity: Share of its convex hull that it fills; 0 to 1.
    """

    box: Box
    share: float
    score: float
    solidity: float = 1.0

    @classmethod
    def of(cls, region: Region, picture_px: int) -> SeenRegion:
        """Return what is judged of a region of a mask of `picture_px` pixels."""
        return cls(region.box, region.area_px / picture_px, region.score, region.solidity)


@dataclass(frozen=True)
class Verdict:
    """What a region is.

    Attributes:
        track: The number of its track.
        is_confirmed: It was found for long enough, or lies beside one that was.
        is_new: It is told now, for the first time.
    """

    track: int
    is_confirmed: bool
    is_new: bool


@dataclass
class _Known:
    """What is known of a track."""

    evidence: Evidence = field(default_factory=Evidence)
    seen_pts: int = 0
    box: Box = (0.0, 0.0, 0.0, 0.0)
    share: float = 0.0


class Judge:
    """Decides for one stream of masks. Used from one event loop.

    Args:
        gap_ms: How long a track outlives its last region, as its tracker has it.
    """

    def __init__(self, gap_ms: int) -> None:
        self._gap_ticks = gap_ms * CLOCK_RATE_HZ // 1000
        self._times = LookTimes()
        self._known: dict[int, _Known] = {}
        self._elapsed_ticks = 0

    @property
    def elapsed_ticks(self) -> int:
        """The time between the last look and the one before, a quarter of a second at most."""
        return self._elapsed_ticks

    def forget(self) -> None:
        """Begin afresh: what comes next does not continue what came before."""
        self._times = LookTimes()
        self._known.clear()

    def look(
        self, pts: int, rule: PersistenceRule, seen: Sequence[tuple[int, SeenRegion]]
    ) -> list[Verdict]:
        """Judge the regions of one mask, each with the number of its track; in order."""
        look = self._times.next(pts, rule)
        self._elapsed_ticks = look.elapsed_ticks
        self._known = {
            number: known
            for number, known in self._known.items()
            if pts - known.seen_pts <= self._gap_ticks
        }
        trusts = []
        for number, region in seen:
            before = self._known.get(number)
            trusts.append(_trust(region, before.box if before else None))
            known = self._known.setdefault(number, _Known())
            known.seen_pts, known.box, known.share = pts, region.box, region.share
        told = [known for known in self._known.values() if known.evidence.is_confirmed]
        verdicts = []
        for (number, region), trust in zip(seen, trusts, strict=True):
            evidence = self._known[number].evidence
            is_beside = any(_is_beside(region, other) for other in told)
            is_new = evidence.add(look, Trust.DOUBTFUL if is_beside else trust)
            verdicts.append(Verdict(number, evidence.is_confirmed or is_beside, is_new))
        return verdicts


def _is_beside(region: SeenRegion, told: _Known) -> bool:
    """Whether a region lies on or beside a larger one that is told."""
    if region.share >= told.share:
        return False
    x, y, width, height = region.box
    told_x, told_y, told_width, told_height = told.box
    reach_x, reach_y = _MARGIN * told_width, _MARGIN * told_height
    inside_x = min(x + width, told_x + told_width + reach_x) - max(x, told_x - reach_x)
    inside_y = min(y + height, told_y + told_height + reach_y) - max(y, told_y - reach_y)
    if inside_x <= 0 or inside_y <= 0:
        return False
    return inside_x * inside_y >= _LEAST_INSIDE * width * height


def _trust(region: SeenRegion, before: Box | None) -> Trust:
    """Tell what a look at a region is worth by its shape, and its box a look ago."""
    overlap = 1.0 if before is None else _overlap(before, region.box)
    if region.solidity < _LEAST_SOLIDITY or overlap < _LEAST_OVERLAP:
        return Trust.DOUBTFUL
    is_sure = (
        region.score >= _SURE_SCORE
        and region.share >= _SURE_SHARE
        and region.solidity >= _SURE_SOLIDITY
        and overlap >= _SURE_OVERLAP
    )
    return Trust.SURE if is_sure else Trust.ORDINARY


def _overlap(before: Box, box: Box) -> float:
    """Return the intersection over union of two boxes."""
    (x, y, width, height), (old_x, old_y, old_width, old_height) = box, before
    common_x = min(x + width, old_x + old_width) - max(x, old_x)
    common_y = min(y + height, old_y + old_height) - max(y, old_y)
    common = max(0.0, common_x) * max(0.0, common_y)
    return common / (width * height + old_width * old_height - common)
