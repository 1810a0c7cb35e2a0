from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from server.checks.finding import Finding, fine, note, wrong
from server.cli import app
from server.commands import check


def _check(
    monkeypatch: pytest.MonkeyPatch, *findings: Finding, options: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run the command on a machine that is in this state; exit status and output."""
    monkeypatch.setattr(check, "_look", lambda settings, *, running: findings)
    result = CliRunner().invoke(app, ["check", *options])
    return result.exit_code, result.stdout


def test_a_machine_with_notes_only_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = _check(monkeypatch, fine("disk", "free"), note("clock", "not kept", "chrony"))
    assert status == 0
    assert text.splitlines()[:3] == [
        "ok     disk: free",
        "note   clock: not kept",
        "       cure: chrony",
    ]
    assert "All is well. Not a medical device." in text


def test_one_thing_that_is_wrong_has_status_1_and_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = _check(monkeypatch, fine("disk", "free"), wrong("device", "none", "install it"))
    assert status == 1
    assert "wrong  device: none\n       cure: install it\n" in text
    assert "Something is wrong." in text


def test_programs_read_json(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = _check(monkeypatch, wrong("a", "b", "c"), options=("--json", "--running"))
    assert status == 1
    assert json.loads(text) == {
        "ok": False,
        "findings": [{"subject": "a", "status": "wrong", "detail": "b", "cure": "c"}],
    }


def test_a_service_that_runs_is_asked_and_its_sources_are_left_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from server.checks import network, service
    from server.settings import Settings

    asked: list[str] = []
    monkeypatch.setattr(
        service, "check_readiness", lambda _: asked.append("ready") or fine("s", "")
    )
    monkeypatch.setattr(service, "check_sources", lambda _: asked.append("sources") or [])
    monkeypatch.setattr(
        network, "check_address", lambda _: asked.append("address") or fine("a", "")
    )
    list(check._look(Settings(), running=True))
    assert asked == ["ready"]
    list(check._look(Settings(), running=False))
    assert asked == ["ready", "address", "sources"]
