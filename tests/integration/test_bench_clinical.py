"""`sali bench clinical` in its short form: every figure is there, and the report can be read."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.fakes.command_line import one_line, sali


class _Text(HTMLParser):
    """Collects the words of a page, and what it would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag == "script":
            self.loads.append(tag)


@pytest.mark.long
def test_the_four_figures_of_this_installation_are_measured_and_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page, figures = tmp_path / "report.html", tmp_path / "report.json"
    options = ("--minutes", "0.1", "--seconds", "3", "--size", "480x240", "--fps", "10")
    assert sali(monkeypatch, "bench", "clinical", page, *options, "--json", figures) == 0
    found = json.loads(figures.read_text())
    assert found["notice"] == "Not a medical device."
    assert found["pixel_difference"]["identical"] is True
    assert found["pixel_difference"]["pictures"] == 30
    assert found["performance"]["phantom"]["minutes"] == pytest.approx(0.1, abs=0.01)
    assert found["annotation_delay"]["delay"]["count"] == found["annotation_delay"]["masked"] > 5
    assert all(one["added"]["count"] > 0 for one in found["video_delay"]["conditions"])
    text = _Text()
    text.feed(page.read_text())
    words = " ".join(text.words)
    for said in ("Not a medical device", "1. Performance", "2. Changed pixels",
                 "3. Delay of the video", "4. Delay of the annotation", "none given"):  # fmt: skip
        assert said in words
    assert [load for load in text.loads if load != "use href"] == []
    assert "Pixels changed in the relayed video" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("/no/such/folder/report.html",), "does not exist"),
        (("report.html", "--size", "big"), "--size 'big'"),
        (("report.html", "--data", "/no/such/data"), "/no/such/data"),
        (("report.html", "--weights", "no-such-weights"), "no-such-weights"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    arguments: tuple[str, ...], cause: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert sali(monkeypatch, "bench", "clinical", *arguments) == 1
    assert cause in one_line(capsys)
