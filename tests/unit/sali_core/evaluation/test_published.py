from __future__ import annotations

from pathlib import Path

import pytest

from sali_core.evaluation.protocol import FIGURES
from sali_core.evaluation.published import SUBSETS, load_published, subset_of


def test_every_row_has_a_source_with_an_address_and_known_figures_in_range() -> None:
    table = load_published()
    for row in table.rows:
        assert row.subset in SUBSETS
        assert table.sources[row.source].address.startswith("https://")
        assert row.figures
        assert set(row.figures) <= set(FIGURES)
        assert all(0 < value < 1 for value in row.figures.values())


def test_no_row_stands_twice() -> None:
    keys = [(row.method, row.subset, row.source) for row in load_published().rows]
    assert len(keys) == len(set(keys))


def test_two_readings_of_pns_plus_agree() -> None:
    """The toolbox's authors and a re-evaluation: the same maps, so the same figures."""
    for subset in SUBSETS:
        rows = {
            row.source: row.figures for row in load_published().on(subset) if row.method == "PNS+"
        }
        for name in ("Smeasure", "meanEm", "wFmeasure"):
            assert rows["vps"][name] == pytest.approx(rows["cmsa"][name], abs=0.0015)


def test_methods_without_figures_are_named_as_absent() -> None:
    table = load_published()
    shown = {row.method for row in table.rows}
    for method in ("FLA-Net", "SLT-Net"):
        assert method not in shown
        assert any(method in line for line in table.absent)


def test_a_sun_seg_path_tells_its_test_set(tmp_path: Path) -> None:
    assert subset_of(tmp_path / "SUN-SEG/TestHardDataset/Unseen/GT") == "hard-unseen"
    assert subset_of(tmp_path / "SUN-SEG/TestEasyDataset/Seen") == "easy-seen"
    assert subset_of(tmp_path / "SUN-SEG/TrainDataset") is None
