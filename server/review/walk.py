"""Computes the masks of a film: every picture, in order, whenever no live session needs the AI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

import structlog

from server.errors import WorkerLostError, WorkerStepError
from server.masks.message import MaskMessage, RunLengths
from server.media.frame import ModelFrame
from server.review.looking import Looked
from server.review.mask_store import MaskStore
from server.review.timeline import ReviewTimeline
from server.session.findings import SessionFindings
from server.session.mask_loop import picture_of
from server.session.ports import MaskWorker
from server.worker.protocol import Result

MOST_TRIES = 5
"""Times that one picture is sent to the worker before it stays without a mask."""

_log = structlog.get_logger(__name__)


class Looker(Protocol):
    """Looks at the pictures; see `server.review.looking.FilmLooker`."""

    def next(self) -> list[Looked]:
        """Return the next pictures; none at the end. Blocks."""


class ReviewWalk:
    """One walk through a film. Its memory is its own, and ends with it.

    Args:
        stream: Its name in the worker.
        worker: What computes the masks.
        findings: Follow their polyps.
        masks: Where they are kept.
        timeline: Told of every picture.
        now_ns: Monotonic clock.
    """

    def __init__(
        self,
        stream: str,
        *,
        worker: MaskWorker,
        findings: SessionFindings,
        masks: MaskStore,
        timeline: ReviewTimeline,
        now_ns: Callable[[], int],
    ) -> None:
        self._stream = stream
        self._worker = worker
        self._findings = findings
        self._masks = masks
        self._timeline = timeline
        self._now_ns = now_ns
        self._asked_at_ns: int | None = None
        self.pictures = 0
        self.computed_to_pts = 0

    @property
    def waiting_ns(self) -> int:
        """How long the picture at the worker has been there; 0 while none is."""
        return 0 if self._asked_at_ns is None else self._now_ns() - self._asked_at_ns

    async def run(self, looker: Looker, executor: Executor) -> None:
        """Walk to the end of the film.

        Args:
            looker: Looks at the pictures.
            executor: Its thread; while a picture is computed, it looks at the next.

        Raises:
            SourceError: The file cannot be read or decoded further.
            ReviewError: There is no room for the masks.
        """
        loop = asyncio.get_running_loop()
        self._worker.open(self._stream)
        ahead = loop.run_in_executor(executor, looker.next)
        try:
            while batch := await ahead:
                ahead = loop.run_in_executor(executor, looker.next)
                for looked in batch:
                    await self._take(looked)
        finally:
            self._worker.close(self._stream)
            await asyncio.wait({ahead})
            await self._findings.aclose()

    async def _take(self, looked: Looked) -> None:
        """Have one picture computed, or note why not."""
        if looked.forgets:
            self._forget()
        result = None if looked.frame is None else await self._compute(looked.frame)
        if looked.frame is not None and result is not None:
            self._keep(looked.frame, result)
        else:
            self._timeline.add(looked.pts, "not_looked", looked.cause or "step_failed")
        self.pictures += 1
        self.computed_to_pts = looked.pts + 1

    def _forget(self) -> None:
        self._worker.reset(self._stream)
        self._findings.begin_epoch()

    async def _compute(self, frame: ModelFrame) -> Result | None:
        """Return the picture's mask; None if the network fails on it."""
        picture = picture_of(frame, self._stream, is_patient=True)
        for _ in range(MOST_TRIES):
            await self._worker.wait_until_ready()
            self._asked_at_ns = self._now_ns()
            try:
                answer = await self._worker.step(picture)
            except (WorkerLostError, WorkerStepError) as exc:
                # The memory is gone either way: what comes does not continue what was.
                _log.warning("review_step_failed", review=self._stream, reason=str(exc))
                self._forget()
                continue
            finally:
                self._asked_at_ns = None
            if isinstance(answer, Result):
                return answer
        return None

    def _keep(self, frame: ModelFrame, result: Result) -> None:
        judged = self._findings.judge(frame, result)
        self._masks.append(
            MaskMessage(
                sequence=frame.sequence,
                pts=frame.pts,
                captured_at_ns=0,
                age_ms=0,
                source_size=frame.source_size,
                region=frame.region,
                rle=RunLengths(size=result.size, counts=result.counts),
                confirmed_rle=judged.confirmed_rle,
                polyps=judged.polyps,
                ai_state="active",
                latency_p95_ms=None,
            )
        )
        self._timeline.add(frame.pts, "polyp" if judged.polyps else "clear")
