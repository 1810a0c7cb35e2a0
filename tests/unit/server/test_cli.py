from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sali_core.errors import CheckpointError
from server import cli
from server.commands import serve
from server.errors import ConfigurationError, SourceUnreachableError


def test_loading_the_command_loads_neither_torch_nor_media() -> None:
    script = "import server.cli, sys; print({'torch', 'av', 'fastapi'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "error",
    [
        SourceUnreachableError("no such file: x.mp4"),
        CheckpointError("weights are damaged"),
        ConfigurationError("cannot listen\non 127.0.0.1:80"),
        PermissionError(13, "Permission denied", "x.mp4"),
    ],
)
def test_a_failure_is_one_line_and_status_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sali: error: ")
    assert str(error).split()[-1] in lines[0]


def test_version_tells_the_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sali", "version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("sali-live ")


@pytest.mark.parametrize("arguments", [["fly"], ["serve", "--port", "many"], ["serve", "--wings"]])
def test_a_misused_command_has_status_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sali", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "Usage" in capsys.readouterr().err


def test_only_what_was_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(
        "server.settings.load_settings", lambda config, **chosen: given.append((config, chosen))
    )
    monkeypatch.setattr("server.launch.run_service", lambda read: read())
    serve.serve()
    file = Path("sali.yaml")
    serve.serve(source=["a.mp4", "whip"], loop=True, port=0, device="cpu", config=file)
    assert given == [
        (None, {}),
        (
            file,
            {
                "sources": ["a.mp4", "whip"],
                "loop": True,
                "listen": {"port": 0},
                "worker": {"device": "cpu"},
            },
        ),
    ]
