"""A session's findings: what the mask loop tells them, what people ask of them, their pictures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

import av
import structlog

from server.findings.book import FindingBook, Still
from server.findings.judge import SeenRegion, Verdict
from server.findings.outline import Region, keep_regions
from server.findings.persistence import PersistenceRule
from server.findings.watch import FindingWatch
from server.masks.finding import Finding, FindingStatus, StillFacts
from server.masks.message import Polyp, RunLengths
from server.media.frame import ModelFrame
from server.media.still import write_still
from server.observability.metrics import ServiceMetrics
from server.worker.protocol import FoundPolyp, Result

Outline = Literal["at_once", "confirmed"]
"""Which polyps are drawn into the video: all, or those that were found for long enough."""

_log = structlog.get_logger(__name__)


class FindingAudience(Protocol):
    """Whom a session tells of its findings."""

    def publish_finding(self, finding: Finding) -> None:
        """One is new, or has changed."""

    def publish_removed(self, ids: tuple[str, ...]) -> None:
        """Some are gone."""


@dataclass(frozen=True)
class FindingRules:
    """What becomes a finding, and how many are kept.

    Attributes:
        persistence: When a polyp is told.
        gap_ms: How long its identity outlives its last sight.
        max_findings: Most that are kept.
        outline: Which polyps are burned into the video.
    """

    persistence: PersistenceRule = field(default_factory=PersistenceRule)
    gap_ms: int = 1000
    max_findings: int = 100
    outline: Outline = "at_once"


@dataclass(frozen=True)
class JudgedMask:
    """What the mask loop is told of a mask's polyps.

    Attributes:
        polyps: With track and verdict, boxes in source pixels.
        confirmed_rle: Of the confirmed ones alone; None if that is the whole mask.
        drawn_rle: What is burned into the video; None if that is the whole mask.
    """

    polyps: tuple[Polyp, ...]
    confirmed_rle: RunLengths | None
    drawn_rle: RunLengths | None


class SessionFindings:
    """Owner of a session's findings. Used from one event loop.

    At most one picture is written at a time; one that is wanted meanwhile waits for a later frame.

    Args:
        rules: As the session begins.
        audience: Told of every change.
        born: The session's begin, on the wall and on the clock that stamps the frames, ns.
        model_size: (height, width) of the pictures that the network gets.
        metrics: Where findings are counted.
    """

    def __init__(
        self, rules: FindingRules, audience: FindingAudience, *, born: tuple[datetime, int],
        model_size: tuple[int, int], metrics: ServiceMetrics,
    ) -> None:  # fmt: skip
        self.outline: Outline = rules.outline
        self._born_at, self._born_ns = born
        self._model_size = model_size
        self._metrics = metrics
        self._book = FindingBook(
            rules.max_findings, audience.publish_finding, audience.publish_removed
        )
        self._watch = FindingWatch(self._book, rules.persistence, rules.gap_ms)
        self._last_pts = -1
        self._writing: asyncio.Task[None] | None = None

    @property
    def findings(self) -> list[Finding]:
        """All findings, the oldest first."""
        return self._book.findings

    @property
    def tracks(self) -> int:
        """Polyps followed at the moment, confirmed or not."""
        return self._watch.tracks

    @property
    def persistence(self) -> PersistenceRule:
        """When a polyp becomes a finding."""
        return self._watch.rule

    def choose(self, persistence: PersistenceRule, outline: Outline) -> None:
        """Tell findings otherwise from now on; those told already stay."""
        self._watch.rule, self.outline = persistence, outline

    def review(self, finding_id: str, status: FindingStatus | None, note: str | None) -> Finding:
        """Note what somebody thinks of a finding; see `FindingBook.review`."""
        return self._book.review(finding_id, status, note)

    def still(self, finding_id: str) -> bytes:
        """Return the JPEG of a finding; see `FindingBook.still`."""
        return self._book.still(finding_id)

    def begin_epoch(self) -> None:
        """What comes next does not continue what came before; findings stay."""
        self._watch.begin_epoch()

    def clear(self) -> None:
        """Forget everything: a new patient."""
        self._watch.begin_epoch()
        self._book.clear()

    async def aclose(self) -> None:
        """Wait for the picture that is being written, if any."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def judge(self, frame: ModelFrame, result: Result) -> JudgedMask:
        """Follow the polyps of a mask that is about to be published."""
        height, width = result.size
        picture_px = height * width
        if frame.pts <= self._last_pts:
            verdicts: tuple[Verdict, ...] = tuple(Verdict(0, False, False) for _ in result.polyps)
        else:
            self._last_pts = frame.pts
            outcome = self._watch.look(
                frame.pts,
                self._born_at
                + timedelta(microseconds=(frame.captured_at_ns - self._born_ns) / 1e3),
                [SeenRegion.of(polyp, picture_px) for polyp in result.polyps],
                can_keep_picture=self._writing is None,
            )
            verdicts = outcome.verdicts
            self._metrics.findings_announced.inc(outcome.announced)
            if outcome.best_of:
                self._writing = asyncio.create_task(
                    self._keep_picture(frame, result, outcome.best_of), name="finding still"
                )
        return self._judged(frame, result, verdicts)

    def _judged(
        self, frame: ModelFrame, result: Result, verdicts: tuple[Verdict, ...]
    ) -> JudgedMask:
        """Put polyps and verdicts together."""
        found = zip(result.polyps, verdicts, strict=True)
        polyps = tuple(
            polyp_in_source(polyp, result.size, frame.region).model_copy(
                update={"track": verdict.track, "confirmed": verdict.is_confirmed}
            )
            for polyp, verdict in found
        )
        confirmed: RunLengths | None = None
        if not all(verdict.is_confirmed for verdict in verdicts):
            kept: list[Region] = []
            dropped: list[Region] = []
            for polyp, verdict in zip(result.polyps, verdicts, strict=True):
                (kept if verdict.is_confirmed else dropped).append((polyp.box, polyp.area_px))
            confirmed = keep_regions(
                RunLengths(size=result.size, counts=result.counts), kept, dropped
            )
        return JudgedMask(polyps, confirmed, confirmed if self.outline == "confirmed" else None)

    async def _keep_picture(
        self, frame: ModelFrame, result: Result, best_of: tuple[tuple[str, int], ...]
    ) -> None:
        """Write a frame in a thread and give it to the findings it shows best."""
        try:
            jpeg, size = await asyncio.to_thread(write_still, frame, self._model_size)
        except (av.FFmpegError, OSError, ValueError) as exc:
            _log.warning("still_failed", reason=type(exc).__name__)
            return
        finally:
            self._writing = None
        for finding_id, index in best_of:
            polyp = polyp_in_source(result.polyps[index], result.size, frame.region)
            facts = StillFacts(
                pts=frame.pts,
                picture_size=size,
                source_size=frame.source_size,
                region=frame.region,
                box=polyp.box,
                rle=RunLengths(size=result.size, counts=result.counts),
            )
            self._book.keep_still(finding_id, Still(jpeg, facts))


def polyp_in_source(
    polyp: FoundPolyp, mask_size: tuple[int, int], region: tuple[int, int, int, int]
) -> Polyp:
    """Move a polyp's box from mask pixels to source pixels.

    Args:
        polyp: As the worker found it; its area stays in mask pixels.
        mask_size: [height, width] of the mask.
        region: [x, y, width, height] of what the mask covers, in source pixels.

    Returns:
        The same polyp; its box is rounded to a tenth of a pixel.
    """
    height, width = mask_size
    left, top, region_width, region_height = region
    x_scale, y_scale = region_width / width, region_height / height
    x, y, box_width, box_height = polyp.box
    return Polyp(
        box=(
            round(left + x * x_scale, 1),
            round(top + y * y_scale, 1),
            round(box_width * x_scale, 1),
            round(box_height * y_scale, 1),
        ),
        area_px=polyp.area_px,
        score=polyp.score,
    )
