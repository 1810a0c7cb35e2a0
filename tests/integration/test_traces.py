"""Traces of a running service, as its collector gets them."""

from __future__ import annotations

import time
from pathlib import Path

from tests.fakes.trace_collector import collector
from tests.integration.test_service import clip, serving  # noqa: F401 - a fixture


def test_the_way_of_single_frames_reaches_the_collector_with_the_workers_times(
    clip: Path,  # noqa: F811 - a fixture
) -> None:
    with collector() as (endpoint, taken):
        options = {"SALI_TRACES__ENDPOINT": endpoint, "SALI_TRACES__EVERY_FRAMES": "10"}
        with serving("--source", str(clip), "--loop", **options) as served:
            deadline = time.monotonic() + 60
            # Every tenth frame is traced, and on a busy machine not each of these has a mask.
            while served.session["counters"]["frames_masked"] < 80:
                assert served.process.poll() is None
                assert time.monotonic() < deadline, served.session
                time.sleep(0.1)
    spans = [
        span for request in taken for resource in request.resource_spans
        for scope in resource.scope_spans for span in scope.spans
    ]  # fmt: skip
    frames = {span.trace_id: span for span in spans if span.name == "frame"}
    assert len(frames) >= 3
    masked = 0
    for trace_id, frame in frames.items():
        parts = {span.name: span for span in spans if span.trace_id == trace_id}
        facts = {fact.key: fact.value for fact in frame.attributes}
        if facts["sali.outcome"].string_value != "masked":
            continue
        masked += 1
        assert set(parts) == {"frame", "media", "worker", "wait", "step", "outlines"}
        for name in ("wait", "step", "outlines"):
            assert parts[name].parent_span_id == parts["worker"].span_id
        order = [parts[name] for name in ("media", "wait", "step", "outlines")]
        for span in (*order, parts["worker"]):
            assert frame.start_time_unix_nano <= span.start_time_unix_nano
            assert span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.end_time_unix_nano <= frame.end_time_unix_nano
    assert masked >= 3
