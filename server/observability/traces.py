"""OpenTelemetry traces of single frames: where on its way from the camera to its mask time went.

Off unless a collector is named: without one neither SDK nor exporter is imported, and a frame costs
one comparison. The worker tells its part of a traced frame with the result, so it needs neither the
packages nor the network; all spans of a frame are written here, when its fate is known.

    frame             arrival -> mask published, or what became of it
      media           arrival -> sent to the worker: decoding, waiting in the mailbox
      worker          sent -> answered
        wait          at the worker, until its batch began
        step          the network, with the size of the batch
        outlines      until the result was written
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import ConfigurationError
from server.settings import TraceSettings
from server.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_NS_PER_MS = 1_000_000
_SEND_TIMEOUT_S = 2


@dataclass(frozen=True)
class WorkerPart:
    """Times of a frame within the worker, ms from its arrival there."""

    began_ms: float
    computed_ms: float
    finished_ms: float
    batch: int


@dataclass(frozen=True)
class FrameWay:
    """A frame's way, on the clock that stamped the frame; `outcome` is `masked` or a drop cause."""

    session: str
    sequence: int
    pts: int
    captured_at_ns: int
    sent_at_ns: int
    answered_at_ns: int
    ended_at_ns: int
    outcome: str
    worker: WorkerPart | None = None


class FrameTraces:
    """Writes the ways of chosen frames; sending them is done by a thread of the exporter's.

    What the collector does not take in time is lost: the exporter's queue is bounded.
    """

    def __init__(
        self, exporter: SpanExporter, *, every_frames: int, now_ns: Callable[[], int]
    ) -> None:
        """Write to an exporter.

        Args:
            exporter: Where spans go.
            every_frames: One in so many is chosen.
            now_ns: The clock that stamps frames.
        """
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        service = {"service.name": "sali-live", "service.version": VERSION}
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(service), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sali-live", VERSION)
        self._every_frames = every_frames
        self._now_ns = now_ns

    def is_chosen(self, sequence: int, last: int) -> bool:
        """Whether a frame is traced, whose forerunner at the worker was `last` (-1: none)."""
        return last < 0 or sequence // self._every_frames != last // self._every_frames

    def write(self, way: FrameWay) -> None:
        """Write a frame's spans."""
        # Spans carry the time of day; frames are stamped by a clock that never jumps.
        to_wall_ns = time.time_ns() - self._now_ns()
        facts: dict[str, str | int] = {
            "sali.session": way.session,
            "sali.sequence": way.sequence,
            "sali.pts": way.pts,
            "sali.outcome": way.outcome,
        }

        def span(name: str, begin_ns: int, within: Context | None = None) -> Span:
            return self._tracer.start_span(name, within, start_time=begin_ns + to_wall_ns)

        def inside(above: Span) -> Context:
            from opentelemetry.trace import set_span_in_context

            return set_span_in_context(above)

        frame = span("frame", way.captured_at_ns)
        frame.set_attributes(facts)
        context = inside(frame)
        span("media", way.captured_at_ns, context).end(way.sent_at_ns + to_wall_ns)
        worker = span("worker", way.sent_at_ns, context)
        for name, begin_ns, end_ns in _worker_parts(way):
            part = span(name, begin_ns, inside(worker))
            if name == "step" and way.worker is not None:
                part.set_attribute("sali.batch", way.worker.batch)
            part.end(end_ns + to_wall_ns)
        worker.end(way.answered_at_ns + to_wall_ns)
        frame.end(way.ended_at_ns + to_wall_ns)

    def close(self) -> None:
        """Send what is left and end; blocks until the collector took it or a timeout passed."""
        self._provider.shutdown()


def _worker_parts(way: FrameWay) -> list[tuple[str, int, int]]:
    """Place the worker's times between sending and answer: what the transport took, before them."""
    part = way.worker
    if part is None:
        return []
    arrived_ns = way.answered_at_ns - int(part.finished_ms * _NS_PER_MS)
    arrived_ns = max(way.sent_at_ns, arrived_ns)
    began, computed, finished = (
        min(way.answered_at_ns, arrived_ns + int(ms * _NS_PER_MS))
        for ms in (part.began_ms, part.computed_ms, part.finished_ms)
    )
    return [
        ("wait", arrived_ns, began),
        ("step", began, computed),
        ("outlines", computed, finished),
    ]


def create_traces(settings: TraceSettings, now_ns: Callable[[], int]) -> FrameTraces | None:
    """Return what writes traces; None if none are wanted.

    Raises:
        ConfigurationError: They are wanted, and OpenTelemetry is not installed.
    """
    if not settings.endpoint:
        return None
    exporter = require_exporter()(endpoint=settings.endpoint, timeout=_SEND_TIMEOUT_S)
    return FrameTraces(exporter, every_frames=settings.every_frames, now_ns=now_ns)


def require_exporter() -> type[OTLPSpanExporter]:
    """Return what sends spans.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as exc:
        raise ConfigurationError(
            "SALI_TRACES__ENDPOINT needs OpenTelemetry, which is not installed: "
            "pip install -r requirements-traces.lock, or an image built with TRACES=yes"
        ) from exc
    return OTLPSpanExporter
