"""Prometheus metrics, in base units, without labels that grow with sessions or name anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_AGE_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.12, 0.15, 0.2, 0.25)
_STEP_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0)

STAGES = ("media", "worker")
HIDDEN_STATES = ("warming", "late", "paused", "failed")
REFUSALS = ("unauthorized", "forbidden_origin", "request_too_large")


class _ReadCounter(Collector):
    """A counter that somebody else keeps."""

    def __init__(self, name: str, description: str, read: Callable[[], float]) -> None:
        self._name = name
        self._description = description
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the counter as it stands."""
        yield CounterMetricFamily(self._name, self._description, value=self._read())


class _Facts(Collector):
    """Words as the labels of a gauge that is 1; none while nothing is known."""

    def __init__(self, name: str, description: str, read: Callable[[], dict[str, str]]) -> None:
        self._name = name
        self._description = description
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the words as they stand."""
        words = self._read()
        family = GaugeMetricFamily(self._name, self._description, labels=tuple(words))
        if words:
            family.add_metric(tuple(words.values()), 1.0)
        yield family


class ServiceMetrics:
    """The metrics of one service; each service has its own registry, so tests can have many."""

    def __init__(self) -> None:
        """Register every metric."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.mask_age = Histogram(
            "sali_mask_age_seconds",
            "From the arrival of a frame to its mask being ready to send.",
            buckets=_AGE_BUCKETS_S,
            registry=self._registry,
        )
        self.step = Histogram(
            "sali_step_seconds",
            "Time the network took for the batch that held a frame.",
            buckets=_STEP_BUCKETS_S,
            registry=self._registry,
        )
        self.stage = Histogram(
            "sali_stage_seconds",
            "Parts of a mask's age: `media` from the frame's arrival until the worker is sent it, "
            "`worker` from then until the mask is here.",
            ["stage"],
            buckets=_STEP_BUCKETS_S,
            registry=self._registry,
        )
        self.frames_received = Counter(
            "sali_frames_received", "Frames that arrived.", registry=self._registry
        )
        self.frames_masked = Counter(
            "sali_frames_masked", "Frames whose mask was ready in time.", registry=self._registry
        )
        self.drops = Counter(
            "sali_drops",
            "Frames, packets and mask messages skipped on purpose.",
            ["cause"],
            registry=self._registry,
        )
        self.findings_announced = Counter(
            "sali_findings_announced", "Polyps found for long enough.", registry=self._registry
        )
        self.sessions_refused = Counter(
            "sali_sessions_refused", "Sessions refused for lack of room.", registry=self._registry
        )
        self.overlay_hidden = Counter(
            "sali_overlay_hidden_seconds",
            "Time of sessions without masks to show, by the state of the AI.",
            ["ai_state"],
            registry=self._registry,
        )
        self.bank_resets = Counter(
            "sali_bank_resets",
            "Times a session's memory was emptied, by what made it so.",
            ["reason"],
            registry=self._registry,
        )
        self.source_reconnects = Counter(
            "sali_source_reconnects",
            "Times a source was lost and is connected again.",
            registry=self._registry,
        )
        self.requests_refused = Counter(
            "sali_requests_refused",
            "Requests refused at the gate; `unauthorized`: the token is missing or wrong.",
            ["code"],
            registry=self._registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show the series that have a known label from the start, so that rates see the first."""
        for stage in STAGES:
            self.stage.labels(stage)
        for state in HIDDEN_STATES:
            self.overlay_hidden.labels(state)
        for code in REFUSALS:
            self.requests_refused.labels(code)
        self.bank_resets.labels("operator")
        self.drops.labels("late")

    def watch_process(self, prefix: str, pid: Callable[[], int | None]) -> None:
        """Add memory, processor time and open files of another process of ours."""
        ProcessCollector(namespace=prefix, pid=lambda: pid() or -1, registry=self._registry)

    def tell(self, name: str, description: str, read: Callable[[], dict[str, str]]) -> None:
        """Add a gauge that is always 1 and whose labels say something, read when metrics are."""
        self._registry.register(_Facts(name, description, read))

    def watch_gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value is read when the metrics are."""
        Gauge(name, description, registry=self._registry).set_function(read)

    def watch_counter(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Add a counter whose value is read when the metrics are."""
        self._registry.register(_ReadCounter(name, description, read))

    def to_text(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return generate_latest(self._registry)
