from __future__ import annotations

import sys

import pytest

from server.checks.collector import check_collector
from server.settings import TraceSettings
from tests.fakes.rtsp_server import free_port
from tests.fakes.trace_collector import collector


def test_where_no_traces_are_wanted_nothing_is_looked_at() -> None:
    assert check_collector(TraceSettings()) == []


def test_a_collector_that_takes_traces_is_fine() -> None:
    with collector() as (endpoint, taken):
        (finding,) = check_collector(TraceSettings(endpoint=endpoint))
    assert finding.status == "ok"
    assert len(taken) == 1


def test_one_that_refuses_and_one_that_is_not_there_are_told_with_a_cure() -> None:
    with collector(status=404) as (endpoint, _):
        (refusing,) = check_collector(TraceSettings(endpoint=endpoint))
    assert (refusing.status, refusing.detail) == ("wrong", "answers HTTP 404")
    assert "/v1/traces" in refusing.cure
    endpoint = f"http://127.0.0.1:{free_port()}/v1/traces"
    (away,) = check_collector(TraceSettings(endpoint=endpoint))
    assert away.status == "wrong"
    assert "Connection refused" in away.detail
    assert "SALI_TRACES__ENDPOINT" in away.cure


def test_missing_packages_are_told_with_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    (finding,) = check_collector(TraceSettings(endpoint="http://127.0.0.1:4318/v1/traces"))
    assert finding.status == "wrong"
    assert "requirements-traces.lock" in finding.cure
