from __future__ import annotations

from server.observability.metrics import ServiceMetrics


def lines(metrics: ServiceMetrics) -> list[str]:
    return metrics.to_text().decode().splitlines()


def test_two_services_count_apart() -> None:
    first, second = ServiceMetrics(), ServiceMetrics()
    first.frames_received.inc(3)
    assert "sali_frames_received_total 3.0" in lines(first)
    assert "sali_frames_received_total 0.0" in lines(second)


def test_what_others_count_is_read_when_asked_for() -> None:
    metrics = ServiceMetrics()
    value = 1
    metrics.watch_gauge("sali_sessions", "Sessions.", lambda: value)
    metrics.watch_counter("sali_worker_restarts", "Restarts.", lambda: value * 10)
    value = 2
    assert "sali_sessions 2.0" in lines(metrics)
    assert "sali_worker_restarts_total 20.0" in lines(metrics)
    assert "# TYPE sali_worker_restarts_total counter" in lines(metrics)


def test_drops_are_told_by_cause() -> None:
    metrics = ServiceMetrics()
    metrics.drops.labels("late").inc()
    assert 'sali_drops_total{cause="late"} 1.0' in lines(metrics)
