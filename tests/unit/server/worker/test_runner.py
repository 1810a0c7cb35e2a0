from __future__ import annotations

import numpy as np
import pytest

from server.errors import WorkerStartError, WorkerStepError
from server.masks import rle
from server.worker.protocol import Configure, Demand, Result
from server.worker.runner import Runner, finish
from server.worker.scheduler import StepRequest


def configuration(weights: str = "ok", engine: str = "create_engine") -> Configure:
    return Configure(
        model=f"tests.fakes.fake_engine:{engine}",
        weights=weights,
        device="cpu",
        threads=1,
        max_batch=8,
        deadline_ms=250,
        demand=Demand(fps=25, within_ms=100, headroom=0.2),
        measure_s=0.1,
    )


def picture(session: str, sequence: int = 0, epoch: int = 0, red: bool = False) -> StepRequest:
    rgb = np.zeros((8, 8, 3), dtype=np.uint8)
    rgb[4:6, 2:5, 0] = 255 if red else 0
    return StepRequest(
        session=session,
        epoch=epoch,
        sequence=sequence,
        height=8,
        width=8,
        rgb=rgb.tobytes(),
        arrived_at_ns=0,
        expires_at_ns=0,
    )


def memory_seen_in(result: Result) -> int:
    """How many pictures the session's memory had seen: the fake draws it into the first row."""
    return int(rle.decode(result.counts, *result.size)[0].sum())


def test_a_result_tells_mask_and_polyps_of_its_picture() -> None:
    runner = Runner.load(configuration())
    [result] = finish(runner.compute([picture("a", sequence=7, red=True)]))
    assert (result.session, result.epoch, result.sequence) == ("a", 0, 7)
    assert rle.decode(result.counts, *result.size)[4:6, 2:5].all()
    assert [polyp.box for polyp in result.polyps] == [(2, 4, 3, 2), (0, 0, 1, 1)]


def test_each_session_has_its_own_memory_batched_or_alone() -> None:
    runner = Runner.load(configuration())
    finish(runner.compute([picture("a")]))
    results = finish(runner.compute([picture("a"), picture("b")]))
    assert [memory_seen_in(result) for result in results] == [2, 1]
    assert [result.batch for result in results] == [2, 2]


def test_a_new_epoch_begins_with_an_empty_memory() -> None:
    runner = Runner.load(configuration())
    finish(runner.compute([picture("a")]))
    finish(runner.compute([picture("a")]))
    [result] = finish(runner.compute([picture("a", epoch=1)]))
    assert memory_seen_in(result) == 1


def test_a_forgotten_session_begins_anew() -> None:
    runner = Runner.load(configuration())
    finish(runner.compute([picture("a")]))
    runner.forget("a")
    runner.forget("unknown")
    [result] = finish(runner.compute([picture("a")]))
    assert memory_seen_in(result) == 1


def test_a_failed_step_empties_the_memories_it_touched() -> None:
    runner = Runner.load(configuration("fail:2"))
    runner.warm_up()
    finish(runner.compute([picture("a"), picture("b")]))
    with pytest.raises(WorkerStepError, match=r"^RuntimeError: out of memory$"):
        finish(runner.compute([picture("a")]))
    results = finish(runner.compute([picture("a"), picture("b")]))
    assert [memory_seen_in(result) for result in results] == [1, 2]


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (configuration("broken"), "broken.safetensors is damaged: its header cannot be read"),
        (configuration("bug"), "RuntimeError: device lost"),
        (
            configuration(engine="nothing"),
            "model 'tests.fakes.fake_engine:nothing' cannot be imported: "
            "module 'tests.fakes.fake_engine' has no attribute 'nothing'",
        ),
    ],
)
def test_an_engine_that_cannot_be_made_is_told_in_one_line(wanted: Configure, line: str) -> None:
    with pytest.raises(WorkerStartError) as caught:
        Runner.load(wanted)
    assert str(caught.value) == line
