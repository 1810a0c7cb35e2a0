from __future__ import annotations

import pytest

from tests.bench.memory_growth import Walk, compare_ages


class _State:
    def __init__(self, cost_s: float) -> None:
        self.cost_s, self.frames_seen = cost_s, 0


class _Engine:
    """Steps take what their stream costs, on a clock of its own."""

    def __init__(self) -> None:
        self.now_s, self.pictures, self.costs_s = 0.0, [], [0.003, 0.002]

    def initial_state(self) -> _State:
        return _State(self.costs_s.pop(0))

    def step(self, state: _State, picture: object) -> None:
        self.pictures.append(picture)
        self.now_s += state.cost_s
        state.frames_seen += 1


def test_ages_are_compared_in_turns_by_their_medians() -> None:
    engine = _Engine()
    old, young = (Walk(engine, ["a", "b", "c"], lambda: engine.now_s) for _ in range(2))
    for _ in range(4):
        old.step()
    young.step()
    ages = compare_ages(old, young, 2)
    assert engine.pictures[-4:] == ["b", "b", "c", "c"]  # frame 4 and 1, then 5 and 2, of three
    assert (ages["old_from_step"], ages["young_from_step"]) == (4, 1)
    assert ages["old_ms"] == ages["old_mean_ms"] == pytest.approx(3.0)
    assert ages["young_ms"] == ages["young_mean_ms"] == pytest.approx(2.0)
    assert ages["ratio"] == pytest.approx(1.5)
