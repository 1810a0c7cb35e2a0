from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.checks import service
from server.readiness import ask_readiness
from server.settings import ListenSettings, Settings, WebSettings


def test_settings_that_do_not_go_together_are_wrong() -> None:
    assert service.check_settings(Settings()).status == "ok"
    finding = service.check_settings(Settings(listen={"host": "0.0.0.0"}))  # noqa: S104
    assert finding.status == "wrong"
    assert "SALI_AUTH__TOKEN" in finding.detail


def test_a_viewer_that_is_not_built_is_noted(tmp_path: Path) -> None:
    finding = service.check_viewer(WebSettings(directory=tmp_path))
    assert (finding.status, finding.cure) == ("note", "make web builds it")


def test_each_source_is_looked_at_and_passwords_are_not_told(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    camera = f"rtsp://doctor:hidden-word@127.0.0.1:{port}/stream"
    settings = Settings(sources=("demo", str(tmp_path / "none.mp4"), camera))
    findings = service.check_sources(settings)
    assert [finding.status for finding in findings] == ["ok", "wrong", "wrong"]
    assert "hidden-word" not in repr(findings)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[ListenSettings]:
    """A server that gives one answer to everything."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield ListenSettings(port=server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"{}", ""),
        (503, json.dumps({"detail": "starting the AI"}).encode(), "starting the AI"),
        (503, b"<html>", "HTTP 503"),
        (503, b"[]", "HTTP 503"),
    ],
)
def test_readiness_is_what_the_service_says(status: int, body: bytes, reason: str) -> None:
    with answering(status, body) as listen:
        assert ask_readiness(listen) == reason
        assert service.check_readiness(listen).status == ("wrong" if reason else "ok")


def test_a_service_that_listens_everywhere_is_asked_on_loopback() -> None:
    with answering(200, b"{}") as listen:
        everywhere = listen.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
        assert ask_readiness(everywhere) == ""


def test_a_service_that_does_not_answer_is_wrong() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        listen = ListenSettings(port=unused.getsockname()[1])
    assert "does not answer" in service.check_readiness(listen).detail


def told(**values: str) -> bytes:
    """What a service says of its settings."""
    listed = [
        {"name": name.replace("__", "."), "value": value, "origin": "default"}
        for name, value in values.items()
    ]
    return json.dumps({"settings": listed}).encode()


def test_a_service_that_runs_with_older_settings_is_noted() -> None:
    with answering(200, told(session__max_viewers="16", log__level="info")) as listen:
        settings = Settings(listen=listen.model_dump(), session={"max_viewers": 5})
        (finding,) = service.check_running_settings(settings)
    assert finding.status == "note"
    assert finding.detail.endswith("configuration: session.max_viewers")
    assert "sali config reload" in finding.cure


def test_a_service_that_runs_with_these_settings_is_fine() -> None:
    with answering(200, told(session__max_viewers="16", sources='["demo"]')) as listen:
        (finding,) = service.check_running_settings(Settings(listen=listen.model_dump()))
    assert finding.status == "ok"


@pytest.mark.parametrize(("status", "number"), [(401, 1), (404, 0), (503, 0)])
def test_one_with_another_token_is_noted_and_one_that_tells_nothing_is_left_to_the_others(
    status: int, number: int
) -> None:
    with answering(status, b"{}") as listen:
        assert len(service.check_running_settings(Settings(listen=listen.model_dump()))) == number
