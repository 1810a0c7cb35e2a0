from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from server.observability.logging import HeldOutput, configure_logging
from server.settings import LogSettings


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_logs_are_one_object_a_line_with_static_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(LogSettings(format="json"))
    structlog.get_logger().info("worker_ready", warm_up_s=0.5)
    structlog.get_logger().debug("frame")
    logging.getLogger("some.library").warning("odd %s", "thing")
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("aioice.ice").warning("chatter")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["warm_up_s"]) == ("worker_ready", "info", 0.5)
    assert (second["event"], second["level"]) == ("odd thing", "warning")


def test_an_exception_is_written_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(format="json"))
    try:
        raise KeyError("x")
    except KeyError:
        structlog.get_logger().exception("session_fault")
    assert "KeyError" in json.loads(capsys.readouterr().err)["exception"]


def test_console_logs_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(level="warning"))
    structlog.get_logger().info("worker_ready")
    structlog.get_logger().warning("worker_lost", reason="killed")
    [line] = capsys.readouterr().err.splitlines()
    assert "worker_lost" in line
    assert "reason=killed" in line


@pytest.mark.hazard("H15")
def test_a_trace_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(secret: str) -> None:
        raise KeyError(len(secret))

    configure_logging(LogSettings(format="console"))
    for logger in (structlog.get_logger(), logging.getLogger("some.library")):
        try:
            fail("hunter" + str(2))
        except KeyError:
            logger.exception("session_fault")
    shown = capsys.readouterr().err
    assert shown.count("KeyError: 7") == 2
    assert "in fail" in shown
    assert "hunter2" not in shown


def test_held_output_is_passed_on_in_order_once_let_go() -> None:
    target = io.StringIO()
    held = HeldOutput(target)
    held.write("one\n")
    assert target.getvalue() == ""
    held.let_go()
    held.write("two\n")
    assert target.getvalue() == "one\ntwo\n"
