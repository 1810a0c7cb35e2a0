from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.evaluation.evaluator import Evaluation, EvaluationSettings, evaluate_maps
from sali_core.evaluation.protocol import FIGURES
from sali_core.evaluation.report import (
    comparison_table,
    csv_of,
    csv_of_sets,
    json_of,
    markdown_of,
    markdown_of_sets,
    official_table,
)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("maps")
    for name, level in (("good", 255), ("poor", 90)):
        for number in range(3):
            truth = np.zeros((16, 16), np.uint8)
            truth[4:10, 4:10] = 255
            levels = np.full((16, 16), 10, np.uint8)
            levels[4:10, 6:12] = level
            for kind, picture in (("gt", truth), ("pred", levels)):
                path = root / kind / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path)
    return evaluate_maps(root / "gt", root / "pred", EvaluationSettings())


def test_json_has_the_toolboxs_names_first_and_stays_json(evaluation: Evaluation) -> None:
    told = json.loads(json.dumps(json_of(evaluation), allow_nan=False))
    assert tuple(told)[: len(FIGURES)] == FIGURES
    assert set(told) - set(FIGURES) == {"beyond_toolbox", "cases", "settings", "notes"}
    assert list(told["cases"]) == ["good", "poor"]
    mean = np.mean([case["Smeasure"] for case in told["cases"].values()])
    assert told["Smeasure"] == pytest.approx(mean)
    assert told["settings"]["threshold"] == 0.5
    assert told["settings"]["frames"] == 2


def test_csv_has_a_line_per_case_and_one_for_all(evaluation: Evaluation) -> None:
    lines = list(csv.DictReader(StringIO(csv_of(evaluation))))
    assert [line["case"] for line in lines] == ["good", "poor", "all"]
    assert float(lines[2]["MAE"]) == evaluation.official()["MAE"]
    assert lines[0]["false_alarms_per_minute"] == ""


def test_the_table_shows_each_measure_once(evaluation: Evaluation) -> None:
    names = [row[0] for row in official_table(evaluation)[1:]]
    assert names == ["Smeasure", "wFmeasure", "MAE", "Em", "Fm", "Sen", "Spe", "Dice", "IoU"]


def test_our_row_stands_under_the_published_ones(evaluation: Evaluation) -> None:
    table = comparison_table(evaluation, "easy-seen", "small")
    assert {len(row) for row in table} == {len(table[0])}
    assert table[-1][0] == "small"
    place = table[0].index("maxDice")
    assert table[-1][place] == f"{evaluation.official()['maxDice']:.3f}"
    assert [row[place] for row in table if row[0] == "SALI"] == ["", "0.927"]


def test_markdown_names_sources_and_what_is_absent(evaluation: Evaluation) -> None:
    page = markdown_of(evaluation, "small", "hard-seen")
    assert "https://github.com/Scatteredrain/SALI" in page
    assert "Not at hand, so not shown: SALI paper, Table 1" in page
    assert "not a medical device" in page
    assert "published" not in markdown_of(evaluation, "small", None)


def test_markdown_lists_the_worst_case_first(evaluation: Evaluation) -> None:
    page = markdown_of(evaluation, "small", None)
    values = [case.scores.curves[4].mean() for case in evaluation.cases]
    worst = evaluation.cases[int(np.argmin(values))].name
    assert page.split("## Cases")[1].splitlines()[4].startswith(f"| {worst} |")


def test_the_page_says_when_it_is_not_the_official_protocol(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    every = Evaluation(EvaluationSettings(keep_ends=True), evaluation.cases, ())
    assert "not the official protocol" in markdown_of(every, "small", None)


def test_several_test_sets_share_one_csv_and_one_page(evaluation: Evaluation) -> None:
    sets = {"easy-seen": evaluation, "hard-seen": evaluation}
    lines = csv_of_sets(sets).splitlines()
    alone = csv_of(evaluation).splitlines()
    assert lines == [
        f"subset,{alone[0]}",
        *(f"{name},{line}" for name in sets for line in alone[1:]),
    ]
    page = markdown_of_sets(sets, "small")
    assert page.count("# Evaluation of") == 1
    easy, hard = page.split("\n## ")[1:]
    assert easy.startswith("easy-seen\n")
    assert hard.startswith("hard-seen\n")
    headings = [line for line in markdown_of(evaluation, "small", "easy-seen").splitlines()
                if line.startswith("## ")]  # fmt: skip
    assert [f"#{line}" for line in headings] == [
        line for line in easy.splitlines() if line.startswith("#")
    ]
