"""Makes findings of what is found frame by frame: tracks, persistence, first and last sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.findings.book import FindingBook
from server.findings.judge import Judge, SeenRegion, Verdict
from server.findings.persistence import PersistenceRule
from server.findings.tracker import Tracker
from server.media.frame import CLOCK_RATE_HZ

_TELL_EVERY_TICKS = CLOCK_RATE_HZ
"""While a finding is in sight, clients are told of it once a second."""

_BETTER = 1.1
"""How much better a picture has to be to take the place of the one that is kept."""


@dataclass(frozen=True)
class Outcome:
    """What a look gave.

    Attributes:
        verdicts: One for each region, in order.
        best_of: The findings of which this frame is the best picture so far, each with the
            number of its region.
    """

    verdicts: tuple[Verdict, ...]
    best_of: tuple[tuple[str, int], ...]

    @property
    def announced(self) -> int:
        """How many findings are new."""
        return sum(verdict.is_new for verdict in self.verdicts)


@dataclass
class _Sight:
    """A track since it began."""

    first_pts: int
    first_at: datetime
    seen_ticks: int = 0
    largest_share: float = 0.0
    score: float = 0.0
    quality: float = 0.0
    last_pts: int = 0
    last_at: datetime = datetime.min
    told_pts: int = 0
    finding: str | None = None


class FindingWatch:
    """The tracks of one session and what becomes of them. Used from one event loop.

    Args:
        book: Where findings are entered.
        rule: When a track becomes a finding.
        gap_ms: How long an identity outlives its last region.
    """

    def __init__(self, book: FindingBook, rule: PersistenceRule, gap_ms: int) -> None:
        self.rule = rule
        self._book = book
        self._tracker = Tracker(gap_ms)
        self._judge = Judge(gap_ms)
        self._sights: dict[int, _Sight] = {}

    @property
    def tracks(self) -> int:
        """Tracks that are in sight or awaited."""
        return len(self._tracker.tracks)

    @property
    def tracks_begun(self) -> int:
        """Tracks begun so far."""
        return self._tracker.begun

    def look(
        self,
        pts: int,
        at: datetime,
        regions: Sequence[SeenRegion],
        *,
        can_keep_picture: bool = True,
    ) -> Outcome:
        """Take the regions of one mask, none included.

        Args:
            pts: Of the frame, later than that of the look before.
            at: When it was captured.
            regions: What the network found on it.
            can_keep_picture: Whether this frame can become the picture of a finding.
        """
        tracks = self._tracker.follow(pts, [region.box for region in regions])
        seen = [(track.number, region) for track, region in zip(tracks, regions, strict=True)]
        verdicts = self._judge.look(pts, self.rule, seen)
        best_of = []
        for index, (verdict, region) in enumerate(zip(verdicts, regions, strict=True)):
            sight = self._sights.setdefault(verdict.track, _Sight(pts, at))
            sight.seen_ticks += self._judge.elapsed_ticks
            sight.last_pts, sight.last_at = pts, at
            sight.largest_share = max(sight.largest_share, region.share)
            sight.score = max(sight.score, region.score)
            if verdict.is_new:
                sight.finding = self._announce(verdict.track, sight)
            if sight.finding and can_keep_picture and self._is_best(sight, region):
                best_of.append((sight.finding, index))
        self._tell(pts)
        self._let_go()
        return Outcome(tuple(verdicts), tuple(best_of))

    def begin_epoch(self) -> None:
        """Forget every track: what comes next does not continue what came before."""
        self._tracker.clear()
        self._judge.forget()
        self._let_go()

    def _announce(self, track: int, sight: _Sight) -> str:
        """Enter a finding for a track that was found for long enough."""
        sight.told_pts = sight.last_pts
        finding = self._book.add(
            track=track,
            first_seen_pts=sight.first_pts,
            first_seen_at=sight.first_at,
            **_facts(sight),
        )
        return finding.id

    def _is_best(self, sight: _Sight, region: SeenRegion) -> bool:
        """Whether this frame shows it clearly better than the one kept: larger and surer."""
        quality = region.score * region.share**0.5
        if quality <= sight.quality * _BETTER:
            return False
        sight.quality = quality
        return True

    def _tell(self, pts: int) -> None:
        """Bring the findings in sight up to date; clients are told now and then."""
        for sight in self._sights.values():
            if sight.finding is None or sight.last_pts != pts:
                continue
            is_told = pts - sight.told_pts >= _TELL_EVERY_TICKS
            if is_told:
                sight.told_pts = pts
            self._book.change(
                sight.finding,
                is_told=is_told,
                **_facts(sight),
            )

    def _let_go(self) -> None:
        """Forget what is known of tracks that have ended."""
        alive = {track.number for track in self._tracker.tracks}
        for number in [number for number in self._sights if number not in alive]:
            finding = self._sights.pop(number).finding
            if finding is not None:
                self._book.change(finding, is_in_sight=False)


def _facts(sight: _Sight) -> dict[str, Any]:
    """Return what a finding tells of its track so far."""
    return {
        "last_seen_pts": sight.last_pts,
        "last_seen_at": sight.last_at,
        "seen_ms": round(sight.seen_ticks * 1000 / CLOCK_RATE_HZ),
        "largest_share": round(sight.largest_share, 4),
        "score": sight.score,
    }
