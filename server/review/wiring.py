"""Builds the part of the service that reviews files; holds no logic."""

from __future__ import annotations

from collections.abc import Callable

from server.media.clock import Clock
from server.media.encoder import Encoders
from server.media.region import parse_region
from server.media.view_watch import ViewLimits
from server.observability.metrics import ServiceMetrics
from server.review.looking import Eye
from server.review.registry import ReviewRegistry
from server.review.review import Review, ReviewIdentity, ReviewParts
from server.session.findings import FindingRules
from server.session.ports import MaskWorker
from server.session.registry import SourceCheck
from server.settings import LiveSettings, Settings, is_view_checked, region_for


def create_reviews(
    live: LiveSettings,
    *,
    worker: MaskWorker,
    rules: Callable[[], FindingRules],
    check: SourceCheck,
    clock: Clock,
    metrics: ServiceMetrics,
) -> ReviewRegistry:
    """Make the table of reviews; each gets the settings that hold when it is opened."""

    def create_review(identity: ReviewIdentity) -> Review:
        settings = live.current
        parts = ReviewParts(
            worker=worker,
            eye=_eye(settings),
            rules=rules(),
            create_encoders=lambda: Encoders(settings.encoder),
            clock=clock,
            metrics=metrics,
            limit_bytes=settings.review.max_megabytes << 20,
        )
        return Review(identity, parts)

    return ReviewRegistry(
        create_review,
        check_source=check,
        max_reviews=lambda: live.current.review.max_reviews,
        now_ns=clock.monotonic_ns,
    )


def _eye(settings: Settings) -> Eye:
    """A file is looked at as a session on the same file would look at it."""
    view = ViewLimits(
        is_checked=is_view_checked(settings, "file"),
        frozen_after_ms=settings.view.frozen_after_ms,
        remembers_poor=settings.view.remembers_poor,
        # Of a film nobody is told of them.
        tells_instruments=False,
    )
    return Eye(parse_region(region_for(settings, "file")), view)
