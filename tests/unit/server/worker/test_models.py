from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from server.errors import WorkerStartError
from server.masks import rle
from server.worker.models import find_factory, model_names
from server.worker.protocol import Configure, Demand
from server.worker.runner import Runner, finish
from server.worker.scheduler import StepRequest

DOCS = Path(__file__).resolve().parents[4] / "docs" / "models.md"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The example of docs/models.md, installed as a package would be."""
    code = DOCS.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "my_models.py").write_text(code)
    info = tmp_path / "my_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sali_live.models]\nreddest = my_models:create_reddest\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "reddest"
    sys.modules.pop("my_models", None)


def test_our_own_models_are_offered() -> None:
    assert {"image", "sali"} <= set(model_names())


def test_an_installed_package_takes_the_seat(installed: str) -> None:
    assert installed in model_names()
    runner = Runner.load(
        Configure(
            model=installed,
            weights="0.5",
            device="cpu",
            threads=1,
            max_batch=8,
            deadline_ms=250,
            demand=Demand(fps=25, within_ms=100, headroom=0.2),
            measure_s=0.1,
        )
    )
    assert runner.info.name == "reddest"
    assert runner.warm_up() >= 0
    height, width = runner.info.input_size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[10:20, 30:50, 0] = 255
    [result] = finish(
        runner.compute(
            [
                StepRequest(
                    session="a",
                    epoch=0,
                    sequence=0,
                    height=height,
                    width=width,
                    rgb=rgb.tobytes(),
                    arrived_at_ns=0,
                    expires_at_ns=0,
                )
            ]
        )
    )
    mask = rle.decode(result.counts, *result.size)
    assert mask[10:20, 30:50].all()
    assert mask.sum() == 200


def test_a_model_nobody_installed_is_named_with_those_there_are() -> None:
    with pytest.raises(WorkerStartError, match=r"'unet' is not installed; there are: image, sali"):
        find_factory("unet")


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(WorkerStartError, match=r"'no\.such:thing' cannot be imported"):
        find_factory("no.such:thing")
