from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from server.findings.persistence import PersistenceRule
from server.masks.hub import HubLimits
from server.media.source import SourceSpec
from server.observability.metrics import ServiceMetrics
from server.session.ai_state import AiLimits
from server.session.findings import FindingRules
from server.session.identity import SessionIdentity, SessionLimits
from server.session.session import Session
from tests.fakes.fake_media import FakeMedia, FakePipeline, FakeViewers
from tests.fakes.fake_worker import FakeWorker
from tests.fakes.virtual_clock import VirtualClock


@dataclass
class World:
    """Everything around a session, held by the test."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    worker: FakeWorker = field(default_factory=FakeWorker)
    media: FakeMedia = field(default_factory=FakeMedia)
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)

    def create_session(self, identity: SessionIdentity) -> Session:
        limits = SessionLimits(
            hub=HubLimits(),
            ai=AiLimits(),
            max_viewers=2,
            findings=FindingRules(PersistenceRule(window_ms=240, share=0.66)),
        )
        return Session(
            identity,
            limits=limits,
            worker=self.worker,
            create_media=self.media,
            clock=self.clock,
            metrics=self.metrics,
        )

    def session(self, kind: str = "demo") -> Session:
        spec = SourceSpec(kind=kind)  # type: ignore[arg-type]  # parametrised
        return self.create_session(SessionIdentity("s1", "Room", spec, datetime.now(UTC)))

    @property
    def pipeline(self) -> FakePipeline:
        return self.media.pipelines[-1]

    @property
    def viewers(self) -> FakeViewers:
        return self.media.viewers[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop run until the condition holds."""
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - any condition of any object
                await asyncio.sleep(0.005)


@pytest.fixture
async def world() -> World:
    return World()
