"""Spans of one frame: whose children they are, and when they begin and end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server.errors import ConfigurationError
from server.observability.traces import FrameTraces, FrameWay, WorkerPart, create_traces
from server.settings import TraceSettings

MS = 1_000_000
WAY = FrameWay(
    session="k3f9x2", sequence=500, pts=1_800_000,
    captured_at_ns=1000 * MS, sent_at_ns=1010 * MS, answered_at_ns=1060 * MS,
    ended_at_ns=1062 * MS, outcome="masked",
    worker=WorkerPart(began_ms=8.0, computed_ms=38.0, finished_ms=45.0, batch=2),
)  # fmt: skip


def spans_of(way: FrameWay) -> dict[str, ReadableSpan]:
    exporter = InMemorySpanExporter()
    traces = FrameTraces(exporter, every_frames=250, now_ns=lambda: way.ended_at_ns)
    traces.write(way)
    traces.close()
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_frame_is_one_trace_in_which_the_workers_part_lies_within_the_services() -> None:
    spans = spans_of(WAY)
    parents = {"media": "frame", "worker": "frame"}
    parents |= dict.fromkeys(("wait", "step", "outlines"), "worker")
    assert set(spans) == {"frame", *parents}
    assert spans["frame"].parent is None
    for name, parent in parents.items():
        above = spans[name].parent
        assert above is not None
        assert above.span_id == spans[parent].get_span_context().span_id
    assert len({span.get_span_context().trace_id for span in spans.values()}) == 1


def test_spans_take_the_time_that_was_measured() -> None:
    spans = spans_of(WAY)
    begin = spans["frame"].start_time
    assert begin is not None
    times = {
        name: ((span.start_time - begin) / MS, (span.end_time - begin) / MS)
        for name, span in spans.items()
        if span.start_time is not None and span.end_time is not None
    }
    assert times == {
        "frame": (0, 62), "media": (0, 10), "worker": (10, 60),
        "wait": (15, 23), "step": (23, 53), "outlines": (53, 60),
    }  # fmt: skip


def test_a_span_tells_what_became_of_the_frame_and_names_nobody() -> None:
    spans = spans_of(WAY)
    assert dict(spans["frame"].attributes or {}) == {
        "sali.session": "k3f9x2", "sali.sequence": 500, "sali.pts": 1_800_000,
        "sali.outcome": "masked",
    }  # fmt: skip
    assert dict(spans["step"].attributes or {}) == {"sali.batch": 2}
    assert spans["frame"].resource.attributes["service.name"] == "sali-live"


def test_a_frame_that_was_dropped_has_no_times_of_the_worker() -> None:
    spans = spans_of(replace(WAY, outcome="replaced", worker=None))
    assert set(spans) == {"frame", "media", "worker"}
    assert (spans["frame"].attributes or {})["sali.outcome"] == "replaced"


@pytest.mark.parametrize(
    ("last", "sequence", "chosen"),
    [(-1, 7, True), (7, 8, False), (7, 249, False), (249, 250, True), (240, 611, True)],
)
def test_one_in_so_many_frames_is_chosen_also_where_the_very_one_is_missing(
    last: int, sequence: int, chosen: bool
) -> None:
    traces = FrameTraces(InMemorySpanExporter(), every_frames=250, now_ns=lambda: 0)
    assert traces.is_chosen(sequence, last) is chosen
    traces.close()


def test_without_a_collector_no_sdk_and_no_exporter_is_even_imported() -> None:
    program = (
        "import sys; from server.app import create_app; from server.settings import Settings;"
        "services = create_app(Settings()).state.services;"
        "assert services.traces is None;"
        "parts = ('opentelemetry.sdk', 'opentelemetry.exporter');"
        "assert not [name for name in sys.modules if name.startswith(parts)]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_collector_without_the_packages_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match="requirements-traces"):
        create_traces(TraceSettings(endpoint="http://127.0.0.1:4318/v1/traces"), lambda: 0)
