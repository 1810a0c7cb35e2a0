from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sali_core.engine import create_engine
from sali_core.errors import CheckpointError, ConfigError, ShapeError
from sali_core.model.network import SaliNetwork
from sali_core.weights.store import WeightsHeader, save_weights


@pytest.fixture(scope="module")
def weights(network: SaliNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, network, WeightsHeader("tiny", "small", 0.35, network.config))
    return path


def test_engine_says_what_it_runs(weights: Path) -> None:
    info = create_engine(weights, "cpu", engine="eager").info
    assert (info.name, info.profile, info.engine) == ("tiny", "small", "eager")
    assert (info.device, info.threshold, info.input_size) == ("cpu", 0.35, (128, 128))


def test_a_batch_of_streams_equals_each_alone_to_the_bit(weights: Path) -> None:
    engine = create_engine(weights, "cpu", engine="eager")
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 256, (128, 128, 3), dtype=np.uint8) for _ in range(3)]
    together = engine.step_many([engine.initial_state() for _ in frames], frames)
    for frame, result in zip(frames, together, strict=True):
        alone = engine.step_many([engine.initial_state()], [frame])[0]
        np.testing.assert_array_equal(alone.logits, result.logits)


def test_the_mask_is_the_probability_at_the_cards_threshold(weights: Path) -> None:
    engine = create_engine(weights, "cpu", engine="eager")
    frame = np.random.default_rng(4).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    result = engine.step_many([engine.initial_state()], [frame])[0]
    np.testing.assert_array_equal(result.mask, result.probability >= np.float32(0.35))
    np.testing.assert_allclose(result.probability, 1 / (1 + np.exp(-result.logits)), atol=1e-6)


def test_states_and_frames_must_be_as_many(weights: Path) -> None:
    engine = create_engine(weights, "cpu", engine="eager")
    with pytest.raises(ShapeError, match="1 states, but 0 frames"):
        engine.step_many([engine.initial_state()], [])


def test_unknown_weights_are_named() -> None:
    with pytest.raises(CheckpointError, match=r"'no-such'.*no such file.*shipped"):
        create_engine("no-such")


def test_a_gpu_that_is_not_there_is_refused(weights: Path) -> None:
    with pytest.raises(ConfigError, match="cuda:99"):
        create_engine(weights, "cuda:99")


def test_a_device_nobody_knows_is_refused(weights: Path) -> None:
    with pytest.raises(ConfigError, match="'toaster' is unknown"):
        create_engine(weights, "toaster")
