"""One patient's memory never touches another's (P4): the network's side, to the bit on CPUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from sali_core.config import MemoryConfig
from sali_core.engine.batched import BatchSegmenter
from sali_core.engine.dense_parts import split_batched
from sali_core.engine.engine import Engine
from sali_core.engine.openvino import OpenVinoNetwork
from sali_core.model.network import SaliNetwork
from sali_core.stream.masking import MaskRule
from sali_core.stream.model import ModelInfo
from sali_core.stream.segmenter import StreamNetwork, StreamSegmenter

Frame = npt.NDArray[np.uint8]
SIDE = 128
THRESHOLD = 0.5
MEMORY = MemoryConfig(capacity_frames=3, write_every_frames=2)
_SESSIONS = 3


def _picture(number: int) -> Frame:
    return np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


PICTURES = [_picture(number) for number in range(4)]
CANARIES = {
    "checkers": np.kron(np.indices((16, 16)).sum(0) % 2, np.ones((8, 8))).astype(np.uint8)[
        ..., None
    ]
    * np.array([255, 255, 255], np.uint8),
    "red": np.full((SIDE, SIDE, 3), (255, 0, 0), np.uint8),
    "white": np.full((SIDE, SIDE, 3), 255, np.uint8),
    "black": np.zeros((SIDE, SIDE, 3), np.uint8),
}


def _engine(network: StreamNetwork) -> Engine:
    segmenter = StreamSegmenter(network, memory=MEMORY, threshold=THRESHOLD)
    return Engine(segmenter, ModelInfo("random", THRESHOLD, (SIDE, SIDE)))


@pytest.fixture(scope="module", params=["eager", "openvino"])
def engine(
    request: pytest.FixtureRequest,
    network: SaliNetwork,
    cache: Path,
) -> Engine:
    if request.param == "eager":
        return _engine(network)
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    return _engine(OpenVinoNetwork(network, cache))


class Alone:
    """What a stream's pictures give when nobody else is there; each history computed once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[int, ...], bytes] = {}

    def logits(self, history: tuple[int, ...]) -> bytes:
        if history not in self._known:
            state = self._engine.initial_state()
            for end, number in enumerate(history, 1):
                result = self._engine.step(state, PICTURES[number])
                self._known[history[:end]] = result.logits.tobytes()
        return self._known[history]


@pytest.fixture(scope="module")
def alone(engine: Engine) -> Alone:
    return Alone(engine)


# Each round: which sessions get which picture together, and which begin anew before it.
_ROUNDS = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, _SESSIONS - 1), st.integers(0, 3), min_size=1),
        st.sets(st.integers(0, _SESSIONS - 1), max_size=1),
    ),
    min_size=3,
    max_size=8,
)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rounds=_ROUNDS)
@pytest.mark.hazard("H9")
def test_any_order_of_steps_and_resets_gives_what_each_stream_gives_alone(
    engine: Engine, alone: Alone, rounds: list[tuple[dict[int, int], set[int]]]
) -> None:
    states = [engine.initial_state() for _ in range(_SESSIONS)]
    histories: list[tuple[int, ...]] = [()] * _SESSIONS
    for pictures, resets in rounds:
        for session in resets:
            states[session], histories[session] = engine.initial_state(), ()
        order = sorted(pictures)
        results = engine.step_many(
            [states[session] for session in order],
            [PICTURES[pictures[session]] for session in order],
        )
        for session, result in zip(order, results, strict=True):
            histories[session] += (pictures[session],)
            assert result.logits.tobytes() == alone.logits(histories[session])


@pytest.mark.parametrize("name", CANARIES)
@pytest.mark.hazard("H9")
def test_a_canary_in_one_stream_never_shows_in_another(
    engine: Engine, alone: Alone, name: str
) -> None:
    loud, quiet = engine.initial_state(), engine.initial_state()
    history: tuple[int, ...] = ()
    for number in (0, 1, 2, 3, 1, 0):
        _, result = engine.step_many([loud, quiet], [CANARIES[name], PICTURES[number]])
        history += (number,)
        assert result.logits.tobytes() == alone.logits(history)


@pytest.mark.hazard("H9")
def test_a_canary_leaves_nothing_in_the_place_that_a_batched_stream_hands_on(
    network: SaliNetwork,
) -> None:
    """A new stream in a used place of the pool gives, to the bit, what it gives in a fresh one."""

    def run(before: Callable[[BatchSegmenter], None]) -> list[bytes]:
        batched = BatchSegmenter(
            network.config, split_batched(network), memory=MEMORY,
            rule=MaskRule(THRESHOLD), device=torch.device("cpu"), slots=1,
        )  # fmt: skip
        before(batched)
        state = batched.initial_state()
        return [batched.step(state, picture).logits.tobytes() for picture in PICTURES]

    def shout(batched: BatchSegmenter) -> None:
        state = batched.initial_state()
        for canary in CANARIES.values():
            batched.step(state, canary)

    assert run(shout) == run(lambda batched: None)


def test_streams_that_come_and_go_leave_a_long_one_as_it_is_alone(
    engine: Engine, alone: Alone
) -> None:
    long = engine.initial_state()
    history: tuple[int, ...] = ()
    for number in range(24):
        passing = engine.initial_state()
        engine.step(passing, CANARIES["checkers"])
        if number % 4 == 0:
            history += (number // 4 % 4,)
            result = engine.step(long, PICTURES[history[-1]])
            assert result.logits.tobytes() == alone.logits(history)
