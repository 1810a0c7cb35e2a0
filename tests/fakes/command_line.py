"""The `sali` command in this process, as a shell would see it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server import cli


def sali(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["sali", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what went to standard error: one line that begins as errors do."""
    text = capsys.readouterr().err.strip()
    assert text.startswith("sali: error: ")
    assert "\n" not in text
    return text
