from __future__ import annotations

import os

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


def test_series_with_known_labels_begin_at_zero() -> None:
    assert 'sali_requests_refused_total{code="unauthorized"} 0.0' in lines(ServiceMetrics())
    assert 'sali_overlay_hidden_seconds_total{ai_state="late"} 0.0' in lines(ServiceMetrics())


def test_words_are_labels_and_absent_while_nothing_is_known() -> None:
    metrics = ServiceMetrics()
    words: dict[str, str] = {}
    metrics.tell("sali_model_info", "The model.", lambda: words)
    assert not any(line.startswith("sali_model_info") for line in lines(metrics))
    words = {"name": "small", "device": "cpu"}
    assert 'sali_model_info{device="cpu",name="small"} 1.0' in lines(metrics)


def test_another_process_is_watched_while_it_lives() -> None:
    metrics = ServiceMetrics()
    pid: int | None = None
    metrics.watch_process("sali_worker", lambda: pid)
    assert not any(line.startswith("sali_worker_process_resident") for line in lines(metrics))
    pid = os.getpid()
    (line,) = (x for x in lines(metrics) if x.startswith("sali_worker_process_resident_memory"))
    assert float(line.split()[1]) > 1e6
