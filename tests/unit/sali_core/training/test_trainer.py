from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sali_core.config import ModelConfig
from sali_core.data.clips import ClipDataset
from sali_core.data.mixed_clips import MixedClips
from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.build import create_network
from sali_core.training.failures import TrainingError
from sali_core.training.frozen_norms import batch_norms
from sali_core.training.ranks import Ranks
from sali_core.training.trainer import TrainConfig, Trainer, TrainEvent
from sali_core.weights.store import load_network
from tests.fakes.blobs import Blobs


def _trainer(model: ModelConfig, train: TrainConfig, folder: Path, **options: object) -> Trainer:
    torch.manual_seed(0)
    return Trainer(create_network(model), train, folder, name="t", profile="small", **options)


def _clips(size: int = 64) -> ClipDataset:
    return ClipDataset(Blobs(), [], size=size, seed=0)


def _settings(steps: int, **settings: object) -> TrainConfig:
    return TrainConfig(
        steps=steps,
        **({
            "batch": 2, "size": 64, "warm_up": 1, "workers": 0, "validate_every": 2,
            "validate_pictures": 2,
        } | settings),
    )  # fmt: skip


class _KilledError(Exception):
    pass


def _kill_at(step: int) -> object:
    def on_event(event: TrainEvent) -> None:
        if event.step == step:
            raise _KilledError

    return on_event


def _last(folder: Path) -> dict[str, object]:
    saved: dict[str, object] = torch.load(folder / "last.pt", weights_only=True)
    return saved


def _assert_same(one: Path, two: Path) -> None:
    mine, theirs = _last(one), _last(two)
    for part in ("network", "averaged"):
        assert all(torch.equal(value, theirs[part][name]) for name, value in mine[part].items())
    assert (mine["step"], mine["best_dice"]) == (theirs["step"], theirs["best_dice"])
    for name in ("best.safetensors", "last.safetensors"):
        _assert_same_weights(one / name, two / name)
    assert (one / "log.csv").read_text() == (two / "log.csv").read_text()


def _assert_same_weights(one: Path, two: Path) -> None:
    (mine, header), (theirs, other) = load_network(one), load_network(two)
    assert header == other
    state = theirs.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in mine.state_dict().items())


def test_training_lowers_the_loss_and_leaves_weights(
    tiny_config: ModelConfig, tmp_path: Path
) -> None:
    events: list[TrainEvent] = []
    config = _settings(12, validate_every=6)
    _trainer(tiny_config, config, tmp_path).run(_clips(), Blobs(), events.append)
    assert np.mean([e.loss for e in events[-3:]]) < np.mean([e.loss for e in events[:3]])
    network, header = load_network(tmp_path / "best.safetensors", expected=tiny_config)
    assert header.name == "t"
    assert not network.training
    assert [e.step for e in events if e.dice is not None] == [6, 12]


def test_a_run_killed_at_any_step_ends_with_the_same_weights(
    tiny_config: ModelConfig, tmp_path: Path
) -> None:
    config = _settings(5, save_every=2, validate_every=3)
    _trainer(tiny_config, config, tmp_path / "whole").run(_clips(), Blobs())
    for step, saved in ((1, 0), (2, 2), (3, 3), (4, 4)):
        folder = tmp_path / f"killed-{step}"
        with pytest.raises(_KilledError):
            _trainer(tiny_config, config, folder).run(_clips(), Blobs(), _kill_at(step))
        again = _trainer(tiny_config, config, folder)
        assert again.resume() == (saved > 0)
        assert again.step == saved
        again.run(_clips(), Blobs())
        _assert_same(tmp_path / "whole", folder)


def test_mixed_steps_in_bfloat16_go_on_to_the_bit(tiny_config: ModelConfig, tmp_path: Path) -> None:
    singles = ClipDataset(Blobs(), [], size=64, seed=0, frames=1)
    mixed = MixedClips(_clips(), singles, frames=3, batch=2, single_share=0.5, seed=0)
    config = _settings(4, save_every=1, validate_every=4, precision="bfloat16")
    assert len({mixed.takes_singles(step) for step in range(4)}) == 2
    _trainer(tiny_config, config, tmp_path / "whole").run(mixed, Blobs())
    with pytest.raises(_KilledError):
        _trainer(tiny_config, config, tmp_path / "killed").run(mixed, Blobs(), _kill_at(2))
    again = _trainer(tiny_config, config, tmp_path / "killed")
    assert again.resume()
    again.run(mixed, Blobs())
    _assert_same(tmp_path / "whole", tmp_path / "killed")


def test_clipping_cuts_large_entries_of_the_gradient_and_leaves_small_ones(
    tiny_config: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def spy(optimizer: torch.optim.Adam) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        seen.append(torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]))

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    for limit in (1e9, 1e-3):
        config = _settings(1, clip_gradients=limit)
        _trainer(tiny_config, config, tmp_path / str(limit)).run(_clips(), None)
    whole, clipped = seen
    assert float(whole.abs().max()) > 1e-3
    assert torch.equal(clipped, whole.clamp(-1e-3, 1e-3))


def test_the_released_network_trains_and_goes_on(tiny_config: ModelConfig, tmp_path: Path) -> None:
    model = replace(tiny_config, topology="released", key_channels=4, input_size=256)
    config = _settings(2, save_every=1, validate_pictures=1, batch=1, size=256)
    _trainer(model, config, tmp_path / "whole").run(_clips(256), Blobs())
    with pytest.raises(_KilledError):
        _trainer(model, config, tmp_path / "killed").run(_clips(256), Blobs(), _kill_at(1))
    again = _trainer(model, config, tmp_path / "killed")
    assert again.resume()
    again.run(_clips(256), Blobs())
    _assert_same(tmp_path / "whole", tmp_path / "killed")
    load_network(tmp_path / "whole" / "last.safetensors", expected=model)


def test_the_result_is_the_mean_of_the_weights(tiny_config: ModelConfig, tmp_path: Path) -> None:
    _trainer(tiny_config, _settings(2, average=0.5), tmp_path).run(_clips(), Blobs())
    saved = _last(tmp_path)
    network, _ = load_network(tmp_path / "last.safetensors")
    name = "decoder.partial.conv5.weight"
    result = network.state_dict()[name]
    assert torch.equal(result, saved["averaged"][name].half().float())
    assert not torch.equal(result, saved["network"][name].half().float())


def test_a_state_of_the_first_trainer_goes_on(tiny_config: ModelConfig, tmp_path: Path) -> None:
    """Its `last.pt` had neither the model nor, at first, the mean of the weights."""
    config = _settings(2)
    _trainer(tiny_config, config, tmp_path).run(_clips(), Blobs())
    saved = _last(tmp_path)
    old = {name: saved[name] for name in ("network", "optimizer", "step", "best_dice")}
    torch.save(old, tmp_path / "last.pt")
    again = _trainer(tiny_config, replace(config, steps=3), tmp_path)
    assert again.resume()
    again.run(_clips(), Blobs())
    assert again.step == 3


def test_a_loss_that_is_not_finite_stops_the_run(tiny_config: ModelConfig, tmp_path: Path) -> None:
    _trainer(tiny_config, _settings(2), tmp_path).run(_clips(), Blobs())
    before = (tmp_path / "last.pt").read_bytes()
    torch.manual_seed(0)
    network = create_network(tiny_config)
    again = Trainer(network, _settings(4, save_every=1), tmp_path, name="t", profile="small")
    again.resume()
    network.decoder.partial.conv5.weight.data[0, 0] = float("nan")
    with pytest.raises(TrainingError, match="loss is not finite at step 3; that step was not"):
        again.run(_clips(), Blobs())
    assert (tmp_path / "last.pt").read_bytes() == before


def test_without_validation_the_last_weights_are_the_result(
    tiny_config: ModelConfig, tmp_path: Path
) -> None:
    events: list[TrainEvent] = []
    _trainer(tiny_config, _settings(2), tmp_path).run(_clips(), None, events.append)
    assert [event.dice for event in events] == [None, None]
    _assert_same_weights(tmp_path / "last.safetensors", tmp_path / "best.safetensors")
    assert load_network(tmp_path / "best.safetensors")[1].threshold == 0.5


def test_bfloat16_trains_on_a_cpu_too(tiny_config: ModelConfig, tmp_path: Path) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        events: list[TrainEvent] = []
        config = _settings(1, precision=precision)
        _trainer(tiny_config, config, tmp_path / precision).run(_clips(), None, events.append)
        losses[precision] = events[0].loss
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


def test_norms_that_cannot_be_folded_stay_as_they_are(
    tiny_config: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    network = create_network(tiny_config)
    # A convolution with a bias is not folded into.
    stem = network.encoder.backbone.net.conv_stem
    stem.bias = torch.nn.Parameter(torch.zeros(stem.out_channels))
    with caplog.at_level(logging.WARNING):
        trainer = Trainer(network, _settings(2), tmp_path, name="t", profile="small")
    assert "cannot be folded" in caplog.text
    norms = batch_norms(network.encoder.backbone)
    before = [norm.running_mean.clone() for norm in norms]
    neck = batch_norms(network.encoder.rfb)[0].running_mean.clone()
    with pytest.raises(_KilledError):
        trainer.run(_clips(), None, _kill_at(1))
    assert all(
        torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True)
    )
    assert not torch.equal(batch_norms(network.encoder.rfb)[0].running_mean, neck)


def test_a_damaged_state_is_refused(tiny_config: ModelConfig, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(CheckpointError, match=r"last\.pt: cannot go on"):
        _trainer(tiny_config, _settings(2), tmp_path).resume()


def test_a_state_of_another_size_is_refused(tiny_config: ModelConfig, tmp_path: Path) -> None:
    _trainer(tiny_config, _settings(1), tmp_path).run(_clips(), None)
    saved = _last(tmp_path)
    torch.save(saved | {"model": None}, tmp_path / "last.pt")
    other = replace(tiny_config, key_channels=4)
    with pytest.raises(CheckpointError, match="size mismatch"):
        _trainer(other, _settings(2), tmp_path).resume()


def test_a_fresh_folder_starts_from_nothing(tiny_config: ModelConfig, tmp_path: Path) -> None:
    assert not _trainer(tiny_config, _settings(2), tmp_path).resume()


def test_processes_must_share_a_batch_evenly(tiny_config: ModelConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch 2 cannot be shared evenly by 3"):
        _trainer(tiny_config, _settings(1), tmp_path, ranks=Ranks(0, 3))
