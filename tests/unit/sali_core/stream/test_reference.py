from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.errors import ConfigError, ShapeError
from sali_core.memory.token_bank import TokenBank
from sali_core.model.decoder import resize
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.stream.reference import ReferenceSegmenter, require_released

SIZE = 256
CELLS = (1024, 256, 64)

Frame = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def network() -> ReleasedNetwork:
    torch.manual_seed(0)
    config = ModelConfig(
        topology="released", backbone="mobilenetv2_100", key_channels=4, input_size=SIZE
    )
    return ReleasedNetwork(config).eval()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # Threads wait for each other in a busy loop: slow where other work runs beside the tests.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _frames(count: int, seed: int = 0) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for _ in range(count)]


@torch.inference_mode()
def _by_hand(network: ReleasedNetwork, frames: list[Frame], neighbours: list[int]) -> list[Frame]:
    """The authors' loop over a whole clip, neighbour by neighbour, every frame written."""
    pyramids = [network.encode(torch.from_numpy(f).permute(2, 0, 1)[None]) for f in frames]
    bank, logits = TokenBank(), []
    for number, neighbour in enumerate(neighbours):
        query = network.project(pyramids[number])
        scores = network.segment(bank.read(query), pyramids[number], pyramids[neighbour])
        bank.write(query.keys, weigh_values(query.values, scores))
        logits.append(resize(scores.s3, (SIZE, SIZE))[0, 0].numpy())
    return logits


def _segmenter(network: ReleasedNetwork, **memory: int) -> ReferenceSegmenter:
    return ReferenceSegmenter(network, memory=MemoryConfig(**{"write_every_frames": 1} | memory))


def test_each_frame_is_paired_with_the_next_and_the_last_with_its_predecessor(
    network: ReleasedNetwork,
) -> None:
    frames = _frames(4)
    results = list(_segmenter(network).segment(frames))
    expected = _by_hand(network, frames, [1, 2, 3, 2])
    for result, logits in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result.logits, logits)
    # The other pairings would show.
    live = _by_hand(network, frames, [0, 0, 1, 2])
    assert np.abs(results[1].logits - live[1]).max() > 1e-4
    alone = _by_hand(network, frames, [1, 2, 3, 3])
    assert np.abs(results[3].logits - alone[3]).max() > 1e-4


def test_a_clip_of_one_frame_is_its_own_neighbour(network: ReleasedNetwork) -> None:
    frames = _frames(1, seed=1)
    (result,) = _segmenter(network).segment(frames)
    np.testing.assert_array_equal(result.logits, _by_hand(network, frames, [0])[0])
    np.testing.assert_allclose(result.probability, 1 / (1 + np.exp(-result.logits)), atol=1e-6)


def test_no_frame_gives_no_result(network: ReleasedNetwork) -> None:
    assert list(_segmenter(network).segment([])) == []


def test_clips_do_not_know_of_each_other(network: ReleasedNetwork) -> None:
    segmenter = _segmenter(network)
    first = [result.logits for result in segmenter.segment(_frames(2))]
    list(segmenter.segment(_frames(3, seed=2)))
    again = [result.logits for result in segmenter.segment(_frames(2))]
    np.testing.assert_array_equal(first, again)


def test_it_looks_one_frame_ahead_and_no_further(network: ReleasedNetwork) -> None:
    taken = []

    def counted() -> Iterator[Frame]:
        for number, frame in enumerate(_frames(5)):
            taken.append(number)
            yield frame

    seen = [len(taken) for _ in _segmenter(network).segment(counted())]
    assert seen == [2, 3, 4, 5, 5]


def test_the_encoder_runs_once_a_frame_and_its_features_do_not_pile_up(
    network: ReleasedNetwork,
) -> None:
    made: list[weakref.ref[torch.Tensor]] = []
    hook = network.encoder.register_forward_hook(
        lambda _module, _inputs, pyramid: made.append(weakref.ref(pyramid[0]))
    )
    alive = [
        sum(feature() is not None for feature in made)
        for _ in _segmenter(network, capacity_frames=2).segment(_frames(12))
    ]
    hook.remove()
    assert len(made) == 12
    assert max(alive) == 3
    assert alive[-2] <= 3


def test_the_memory_stays_within_bounds(network: ReleasedNetwork) -> None:
    results = list(_segmenter(network, capacity_frames=2).segment(_frames(10)))
    counts = np.array([result.token_counts for result in results])
    assert counts[:2].tolist() == [list(CELLS), [2 * cells for cells in CELLS]]
    # A cut takes all tokens that tie, so that frames may enter without one until stride 8 is full.
    assert counts[:, 0].max() < 3 * CELLS[0]
    assert (counts <= 2 * 2 * np.array(CELLS)).all()
    assert [result.frames_held for result in results] == (counts[:, 0] // CELLS[0]).tolist()


def test_a_frame_enters_memory_every_so_many_and_the_first_always(network: ReleasedNetwork) -> None:
    results = _segmenter(network, write_every_frames=3).segment(_frames(7))
    assert [result.frames_held for result in results] == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize("frame", [np.zeros((8, 8, 3), np.uint8), np.zeros((SIZE, SIZE, 3))])
def test_a_frame_that_does_not_fit_is_refused(network: ReleasedNetwork, frame: Frame) -> None:
    with pytest.raises(ShapeError, match="the network wants uint8"):
        next(_segmenter(network).segment([frame]))


def test_the_papers_network_has_no_reference_mode() -> None:
    with pytest.raises(ConfigError, match=r"'w' is of 'paper'.* needs no future frame"):
        require_released(ModelConfig(), "w")
    require_released(ModelConfig(topology="released"), "w")
