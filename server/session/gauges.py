"""What the metrics read of sessions and worker each time they are asked for."""

from __future__ import annotations

from math import nan

from server.media.frame import SourceState
from server.observability.metrics import ServiceMetrics
from server.session.registry import SessionRegistry
from server.version import VERSION
from server.worker.client import WorkerClient
from server.worker.state import WorkerState


def watch_gauges(metrics: ServiceMetrics, registry: SessionRegistry, worker: WorkerClient) -> None:
    """Let the metrics read what is counted elsewhere."""
    metrics.watch_gauge("sali_sessions", "Sessions that are open.", lambda: len(registry.sessions))
    metrics.watch_gauge(
        "sali_viewers",
        "Viewers of all sessions.",
        lambda: sum(session.peers.viewers for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_encoders",
        "Encoders at work; 0 while all viewers get the sources' own packets.",
        lambda: sum(session.pipeline.encoders for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_mask_readers",
        "Open mask WebSockets.",
        lambda: sum(session.hub.readers for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_tracks",
        "Polyps followed at the moment, told as findings or not.",
        lambda: sum(session.findings.tracks for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_worker_ready",
        "1 while a worker is warm.",
        lambda: float(worker.status.state is WorkerState.READY),
    )
    metrics.watch_gauge(
        "sali_capacity_sessions",
        "Sessions the AI serves well, as measured; 0 where not even one gets every frame.",
        lambda: worker.capacity.sessions if worker.capacity else nan,
    )
    metrics.watch_gauge(
        "sali_worker_memory_bytes",
        "Memory that the AI process holds.",
        lambda: _or_nan(worker.pong.memory_bytes if worker.pong else None),
    )
    metrics.watch_gauge(
        "sali_device_memory_bytes",
        "GPU memory that the AI process holds; not a number without a GPU.",
        lambda: _or_nan(worker.pong.device_memory_bytes if worker.pong else None),
    )
    metrics.watch_gauge(
        "sali_sources_interrupted",
        "Sessions whose source is not playing.",
        lambda: sum(s.pipeline.state is not SourceState.PLAYING for s in registry.sessions),
    )
    metrics.watch_process("sali_worker", lambda: worker.pid)
    metrics.tell("sali_build_info", "The version that runs.", lambda: {"version": VERSION})
    metrics.tell("sali_model_info", "The model that runs.", lambda: _model_facts(worker))
    metrics.watch_counter(
        "sali_worker_restarts", "Workers started in place of a lost one.", lambda: worker.restarts
    )


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


def _model_facts(worker: WorkerClient) -> dict[str, str]:
    """What a worker said of itself; empty before one did."""
    hello = worker.hello
    if hello is None:
        return {}
    return {
        "name": hello.name,
        "profile": hello.profile,
        "device": hello.device,
        "engine": hello.engine,
    }
