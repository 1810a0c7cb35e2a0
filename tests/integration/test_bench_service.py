"""The short form of each benchmark of the running service: its figures are there and make sense.

No figure is compared with a bound here: that is for a quiet machine (docs/benchmarks/media.md).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.command_line import one_line, sali

pytestmark = pytest.mark.long

SMALL = ("--size", "480x240", "--fps", "10", "--kbps", "500")


def test_the_relay_is_compared_with_a_direct_player_while_the_ai_is_stopped_and_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "relay.json"
    page.write_text("<!-- relay -->\n<!-- /relay -->\n")
    where = ("--json", figures, "--page", page, "--plots", tmp_path / "plots")
    assert (
        sali(monkeypatch, "bench", "relay", "--seconds", "2", "--rounds", "1", *SMALL, *where) == 0
    )
    report = capsys.readouterr().out
    assert "killed (SIGKILL)" in report
    assert "killed (SIGKILL)" in page.read_text()
    conditions = json.loads(figures.read_text())["conditions"]
    assert [one["condition"] for one in conditions] == ["working", "slow", "stopped", "killed"]
    for one in conditions:
        assert one["pictures"] >= 10
        assert one["missing"] <= one["pictures"] / 2
        assert one["added"]["count"] == one["pictures"] - one["missing"]
    assert (tmp_path / "plots" / "relay.svg").stat().st_size < 100_000


@pytest.mark.parametrize("source", ["rtsp", "whip"])
def test_pictures_of_several_inputs_are_counted(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = tmp_path / "inputs.json"
    options = ("--inputs", "2", "--minutes", "0.03", "--source", source, *SMALL)
    assert sali(monkeypatch, "bench", "inputs", *options, "--json", figures) == 0
    found = json.loads(figures.read_text())
    assert len(found["inputs"]) == 2
    for one in found["inputs"]:
        # Both are counted over the same time, to a moment: a busy machine may be some behind.
        assert one["sent"] >= 10
        assert one["sent"] / 2 <= one["decoded"] <= one["sent"] + 10
    assert found["encoders"] == 0
    assert found["server_cpu"] > 0


def test_relayed_viewers_cost_no_encoder_and_a_burned_in_one_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = tmp_path / "viewers.json"
    options = ("--viewers", "3", "--seconds", "1", "--rounds", "1", *SMALL)
    assert sali(monkeypatch, "bench", "viewers", *options, "--json", figures) == 0
    blocks = json.loads(figures.read_text())["blocks"]
    assert [(b["viewers"], b["burned"], b["encoders"]) for b in blocks] == [
        (1, False, 0), (3, False, 0), (1, True, 1),
    ]  # fmt: skip
    assert all(block["fps"] > 0 for block in blocks)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("relay", "--size", "720p"), "--size '720p'"),
        (("relay", "--player", "vlc"), "--player 'vlc'"),
        (("relay", "--page", "nowhere.md"), "nowhere.md cannot be read"),
        (("inputs", "--source", "file"), "--source 'file'"),
        (("media", "--source", "tape"), "--source 'tape'"),
        (("viewers", "--json", "/no/such/folder/x.json"), "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    arguments: tuple[str, ...],
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sali(monkeypatch, "bench", *arguments) == 1
    assert cause in one_line(capsys)


@pytest.mark.parametrize(
    ("missing", "cure"), [("chromium", "apt-get install chromium"), ("playwright", "sali-live")]
)
def test_without_a_browser_the_cure_is_told(
    missing: str,
    cure: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    if missing == "chromium":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        monkeypatch.setattr("server.bench.chromium.find_spec", lambda name: None)
    assert sali(monkeypatch, "bench", "media", "--source", "file") == 1
    assert cure in one_line(capsys)
