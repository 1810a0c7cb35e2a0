"""One video under review: its film for browsers, and its masks, which are computed meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import structlog

from server.errors import ServiceError
from server.masks.finding import Finding
from server.media.clock import Clock
from server.media.encoder import Encoders
from server.observability.metrics import ServiceMetrics
from server.review.copying import FilmCopy, copy_film
from server.review.film import Film
from server.review.film_store import FilmStore
from server.review.looking import Eye, FilmLooker
from server.review.mask_store import MaskStore
from server.review.spool import Spool
from server.review.timeline import ReviewTimeline
from server.review.walk import ReviewWalk
from server.session.findings import FindingRules, SessionFindings
from server.session.mask_loop import MODEL_SIZE
from server.session.ports import MaskWorker
from server.worker.state import WorkerState

ReviewState = Literal["reading", "waiting", "computing", "done", "failed"]

_LONG_WAIT_NS = 1_500_000_000
_NICENESS = 10

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ReviewIdentity:
    """Which file, as it was when the review began. `path` is shown to people, never logged."""

    id: str
    path: str
    size_bytes: int
    modified_ns: int
    created_at: datetime


@dataclass(frozen=True)
class ReviewParts:
    """What every review of a service shares."""

    worker: MaskWorker
    eye: Eye
    rules: FindingRules
    create_encoders: Callable[[], Encoders]
    clock: Clock
    metrics: ServiceMetrics
    limit_bytes: int


class _Nobody:
    """Nobody is told of findings as they come: whoever watches asks for them."""

    def publish_finding(self, finding: Finding) -> None:
        """Tell nobody."""

    def publish_removed(self, ids: tuple[str, ...]) -> None:
        """Tell nobody."""


class Review:
    """Owner of a film's copy, of its masks and of the walk that makes them.

    Used from one event loop; copying and decoding have a thread each, of lower priority than
    everything live.
    """

    def __init__(self, identity: ReviewIdentity, parts: ReviewParts) -> None:
        """Make the parts; `start` starts them."""
        self.identity = identity
        self._parts = parts
        self._film_spool = Spool(parts.limit_bytes)
        self._mask_spool = Spool(parts.limit_bytes)
        self.film = FilmStore(self._film_spool)
        self.copy = FilmCopy()
        self.masks = MaskStore(self._mask_spool)
        self.timeline = ReviewTimeline()
        self.findings = SessionFindings(
            parts.rules,
            _Nobody(),
            born=(identity.created_at, 0),
            model_size=MODEL_SIZE,
            metrics=parts.metrics,
        )
        self.walk = ReviewWalk(
            f"review-{identity.id}",
            worker=parts.worker,
            findings=self.findings,
            masks=self.masks,
            timeline=self.timeline,
            now_ns=parts.clock.monotonic_ns,
        )
        self._state: ReviewState = "reading"
        self._failure = ""
        self._is_ended = threading.Event()
        self._executors = [_quiet_thread("review-film"), _quiet_thread("review-pictures")]
        self._task: asyncio.Task[None] | None = None
        self.used_at_ns = parts.clock.monotonic_ns()

    @property
    def label(self) -> str:
        """The file's name."""
        return Path(self.identity.path).name

    @property
    def state(self) -> ReviewState:
        """How far it is; `waiting` while the AI is not there for it."""
        return "waiting" if self._state == "computing" and self._waits_for else self._state

    @property
    def reason(self) -> str:
        """One line why it waits or failed; else empty."""
        return self._failure or (self._waits_for if self._state == "computing" else "")

    @property
    def computed_to_pts(self) -> int:
        """Every picture before this time has its mask, or never gets one."""
        if self._state == "done" and self.film.parts:
            return max(self.walk.computed_to_pts, self.film.parts[-1].to_pts)
        return self.walk.computed_to_pts

    @property
    def is_failed(self) -> bool:
        """Whether it came to an early end."""
        return self._state == "failed"

    def note_use(self) -> None:
        """Somebody looks at it."""
        self.used_at_ns = self._parts.clock.monotonic_ns()

    def start(self) -> None:
        """Begin to copy and to compute."""
        self._task = asyncio.create_task(self._guard(), name="review")
        _log.info("review_opened", review=self.identity.id)

    async def wait(self) -> None:
        """Return once everything is computed, or has failed."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """End it and delete what was kept. Calling it again does nothing."""
        if self._is_ended.is_set():
            return
        self._is_ended.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for executor in self._executors:
            await asyncio.to_thread(executor.shutdown)
        self._film_spool.close()
        self._mask_spool.close()
        _log.info("review_closed", review=self.identity.id)

    @property
    def _waits_for(self) -> str:
        status = self._parts.worker.status
        if status.state is not WorkerState.READY:
            return status.reason or "the AI is not ready"
        if self.walk.waiting_ns > _LONG_WAIT_NS:
            return "live sessions come first"
        return ""

    async def _guard(self) -> None:
        """Whatever fails is told; what is there already stays."""
        try:
            await self._run()
            self._state = "done"
        except Exception as exc:  # noqa: BLE001 - the one place; a fault ends the review
            self._fail(exc)
        _log.info("review_computed", review=self.identity.id, state=self._state)

    def _fail(self, error: Exception) -> None:
        cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        if isinstance(cause, ServiceError):
            reason = str(cause)
        else:
            _log.error("review_fault", review=self.identity.id, exc_info=cause)
            reason = f"internal fault ({type(cause).__name__})"
        self._state, self._failure = "failed", reason

    async def _run(self) -> None:
        path = self.identity.path
        films, pictures = self._executors
        loop = asyncio.get_running_loop()
        is_reencoded = await loop.run_in_executor(films, _needs_encoding, path, self.label)
        looker = await loop.run_in_executor(
            pictures, partial(FilmLooker, path, self._parts.eye, is_reencoded=is_reencoded)
        )
        self._state = "computing"
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._copy(is_reencoded))
                tasks.create_task(self.walk.run(looker, pictures))
        finally:
            await loop.run_in_executor(pictures, looker.close)
        if self.film.parts:
            self.timeline.finish(self.film.parts[-1].to_pts)

    async def _copy(self, is_reencoded: bool) -> None:
        work = partial(
            copy_film,
            self.identity.path,
            self.film,
            self.copy,
            encoders=self._parts.create_encoders() if is_reencoded else None,
            is_ended=self._is_ended,
        )
        await asyncio.get_running_loop().run_in_executor(self._executors[0], work)


def _needs_encoding(path: str, label: str) -> bool:
    with Film(path) as film:
        return film.needs_encoding(label)


def _quiet_thread(name: str) -> ThreadPoolExecutor:
    """One thread that gives way to everything live; Linux knows niceness by thread."""
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_be_nice)


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
