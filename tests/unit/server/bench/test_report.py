from __future__ import annotations

from pathlib import Path

import pytest

from server.bench.coded_video import VideoShape
from server.bench.glass import GlassResult, GlassSettings, ModeResult
from server.bench.many_inputs import InputResult, InputsResult, InputsSettings
from server.bench.many_viewers import ViewersBlock, ViewersResult, ViewersSettings
from server.bench.percentiles import Percentiles
from server.bench.relay_delay import ConditionResult, RelayResult
from server.bench.report import (
    check_section,
    conditions_line,
    glass_lines,
    inputs_lines,
    relay_lines,
    viewers_lines,
    write_section,
)
from server.errors import BenchError

SHAPE = VideoShape()


def relay_result(p99_ms: float) -> RelayResult:
    added = Percentiles(250, 1.5, 3.0, p99_ms, 30.0)
    one = ConditionResult("slow", added, (2.9, 3.1), pictures=251, missing=1)
    return RelayResult(SHAPE, "packets", 10.0, (one,), {"slow": [1.0]})


def test_the_relays_report_tells_percentiles_and_what_did_not_come() -> None:
    text = "\n".join(relay_lines(relay_result(3.4)))
    assert "| slow, 500 ms a step | 250 of 251 | 1.5 / 3.0 / 3.4 | 30.0 | 2.9, 3.1 |" in text
    assert "Kept: largest p99 3.4 ms, bound 15 ms." in text


def test_a_relay_beyond_its_bound_is_told_so() -> None:
    assert "**Not kept**: largest p99 15.2 ms" in "\n".join(relay_lines(relay_result(15.2)))


def test_conditions_are_held_to_what_blocks_at_work_vary_by_themselves() -> None:
    added = Percentiles(250, 1.5, 3.0, 4.0, 30.0)
    blocks = {"working": (2.0, 4.0, 3.0), "slow": (9.0, 3.9, 2.0), "killed": (5.0, 4.5, 1.0)}
    conditions = tuple(
        ConditionResult(name, added, p99s, 250, 0)  # type: ignore[arg-type]
        for name, p99s in blocks.items()
    )
    text = "\n".join(relay_lines(RelayResult(SHAPE, "packets", 10.0, conditions, {})))
    assert "with the AI at work: 2.0 to 4.0 ms; median block within that: slow" in text
    assert text.endswith("above it: killed.")


def inputs_result(decoded: int) -> InputsResult:
    return InputsResult(
        InputsSettings(SHAPE, inputs=2), 40.0,
        (InputResult(1000, 1000), InputResult(1000, decoded)),
        {"decoder_queue": 3, "late": 9, "mailbox": 4}, 0, 0.5, 0.1, 0.03,
    )  # fmt: skip


def test_the_share_of_decoded_pictures_counts_all_inputs_and_names_the_worst() -> None:
    text = "\n".join(inputs_lines(inputs_result(997)))
    assert "99.8500% (worst input 99.7000%; 3 not)" in text
    assert "| not decoded, by the service's counters | 3 |" in text
    assert "Kept: 99.850% decoded" in text


def test_too_few_decoded_pictures_are_told_so() -> None:
    assert "**Not kept**" in "\n".join(inputs_lines(inputs_result(980)))


def viewers_result(encoders: int, fps: float = 24.9) -> ViewersResult:
    return ViewersResult(
        ViewersSettings(SHAPE, viewers=8, rounds=1),
        (
            ViewersBlock(1, False, 0.10, 0, 25.0, 0),
            ViewersBlock(8, False, 0.31, encoders, fps, 7),
            ViewersBlock(1, True, 0.80, 1, 12.0, 0),
        ),
    )


def test_what_a_viewer_costs_is_the_difference_shared_among_the_others() -> None:
    text = "\n".join(viewers_lines(viewers_result(0)))
    assert "Kept: 8 viewers and 0 encoders; one more viewer costs 3.0% of a core." in text
    assert "| 1, burned in | 1 | 80.0% | 80.0% | 12.0 | 0 |" in text


def test_no_cost_is_told_of_viewers_that_did_not_get_the_pictures() -> None:
    text = "\n".join(viewers_lines(viewers_result(0, fps=20.0)))
    assert "too busy" in text
    assert "one more viewer costs" not in text


def test_an_encoder_for_relayed_viewers_is_told() -> None:
    assert "**Not kept**: 8 viewers and 1 encoders" in "\n".join(viewers_lines(viewers_result(1)))


def mode(name: str, wrong: int) -> ModeResult:
    spread = Percentiles(10, 20.0, 30.0, 40.0, 50.0)
    return ModeResult("rtsp", name, 500, 2, spread, 480, spread, wrong, spread, {}, 1200, 0)  # type: ignore[arg-type]


def test_wrong_masks_are_told_where_a_mask_has_to_be_its_pictures_own() -> None:
    modes = (mode("exact", 1), mode("live", 400), mode("without", 0))
    lines = glass_lines(GlassResult(GlassSettings(SHAPE), modes, 0.4, {}))
    exact, live, _ = lines[-3:]
    assert exact.endswith("| 480 | 20.0 / 30.0 / 40.0 | 1 |")
    assert live.endswith("| - | - | - |"), "in live mode masks are older by design"
    assert "498 of 500" in exact


def test_a_report_replaces_the_one_before_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n<!-- relay -->\nold\n<!-- /relay -->\nrest\n")
    check_section(page, "relay")
    write_section(page, "relay", ["new"])
    write_section(page, "relay", ["newer", "still"])
    assert page.read_text() == "# Title\n<!-- relay -->\nnewer\nstill\n<!-- /relay -->\nrest\n"


@pytest.mark.parametrize("text", ["no marks", "<!-- relay -->\nno end"])
def test_a_page_without_marks_is_refused_before_the_work(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(BenchError, match="relay"):
        check_section(page, "relay")
    with pytest.raises(BenchError, match="cannot be read"):
        check_section(tmp_path / "none.md", "relay")


def test_every_report_says_where_it_was_measured_and_that_this_is_no_medical_device() -> None:
    line = conditions_line(
        {"date": "2026-01-01", "cpu": "A CPU", "cores": 2, "load_before": 0.1, "command": "sali x"}
    )
    assert "A CPU, 2 cores, load before 0.1" in line
    assert "Not a medical device" in line
