"""Trains a network on clips: resumable to the step, deterministic by seed on one device."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from sali_core.data.pictures import Clip, Pictures
from sali_core.model.build import Network
from sali_core.training.averaging import WeightAverage
from sali_core.training.clip_loss import ClipLoss
from sali_core.training.config import TrainConfig
from sali_core.training.cpu_bfloat16 import keep_strided_depthwise_float32
from sali_core.training.failures import TrainingError, name_failures, what_is_kept
from sali_core.training.frozen_norms import batch_norms, fold_norms
from sali_core.training.ranks import Ranks, StepSampler
from sali_core.training.run_log import RunLog, TrainEvent
from sali_core.training.run_state import RunState, cannot_go_on, read_state, write_state
from sali_core.training.schedule import create_optimizer, load_optimizer, rate_factor, set_rates
from sali_core.training.validation import Validator

__all__ = ["TrainConfig", "TrainEvent", "Trainer"]

_logger = logging.getLogger(__name__)


class Trainer:
    """One training run in one folder.

    Leaves `last.pt` to go on from, `best.safetensors` and `last.safetensors`, `log.csv` and
    `config.json`. The network given becomes the run's own and is changed.
    """

    def __init__(
        self,
        network: Network,
        config: TrainConfig,
        folder: Path,
        *,
        name: str,
        profile: str,
        device: torch.device | None = None,
        ranks: Ranks | None = None,
        settings: Mapping[str, Any] | None = None,
        tensorboard: bool = False,
    ) -> None:
        """Prepare a run; nothing is written yet.

        Args:
            network: With the weights to start from.
            config: How to train; `steps` decides, `epochs` was turned into them before.
            folder: Of the run; made if it is not there.
            name: Written into the weights.
            profile: The network's, written into the weights.
            device: CPU by default.
            ranks: Which process of how many this is; one alone by default.
            settings: What `config.json` is to hold; `train` and `model` by default.
            tensorboard: Write TensorBoard's files too.

        Raises:
            ConfigError: The batch cannot be shared evenly by the processes.
        """
        self._device = device or torch.device("cpu")
        self._ranks = ranks or Ranks()
        self._ranks.share(config.batch)
        self._config = config
        self._folder = folder
        self._name, self._profile = name, profile
        self._tensorboard = tensorboard
        self._settings = settings or {
            "train": asdict(config),
            "model": network.config.to_dict(),
        }
        folded = config.freeze_backbone_norms and _fold_backbone(network)
        self._network = network.to(self._device)
        bfloat16 = config.precision == "bfloat16" or (
            config.precision == "auto" and self._device.type == "cuda"
        )
        if bfloat16 and self._device.type == "cpu":
            keep_strided_depthwise_float32(network)
        self._clip_loss = ClipLoss(
            network,
            config.memory,
            bfloat16=bfloat16,
            keeps_norms=config.freeze_backbone_norms and not folded,
        )
        self._average = WeightAverage(network, config.average)
        self._optimizer = create_optimizer(network, config)
        self._step = 0
        self._best_dice = -1.0

    @property
    def network(self) -> Network:
        """The network in training; its backbone's norms may be folded (`frozen_norms`)."""
        return self._network

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self._step

    def resume(self) -> bool:
        """Go on from `last.pt` where there is one.

        Raises:
            CheckpointError: The file is damaged or belongs to another network.
        """
        path = self._folder / "last.pt"
        if not path.exists():
            return False
        saved = read_state(path, self._network.config)
        try:
            self._network.load_state_dict(saved.network)
            self._average.load(saved.averaged)
            load_optimizer(self._optimizer, saved.optimizer, self._network, saved.network)
        except (KeyError, RuntimeError, ValueError) as exc:
            raise cannot_go_on(path, exc) from exc
        self._step, self._best_dice = saved.step, saved.best_dice
        return True

    def run(
        self,
        clips: Dataset[Clip],
        validation: Pictures | None,
        on_event: Callable[[TrainEvent], None] | None = None,
    ) -> None:
        """Train to the last step, validating and saving on the way.

        Args:
            clips: An endless supply; clip i depends on i alone.
            validation: Pictures with truth; None: the last weights are the result.
            on_event: Called after each step, when its line is written and, where due, its state.

        Raises:
            TrainingError: Out of memory, disk full or a loss that is not finite.
            DatasetError: A picture or mask cannot be used; the text names it.
        """
        memory = f"--batch (now {self._config.batch}), --size (now {self._config.size})"
        memory += ", --clip-frames"
        with name_failures(self._folder, lambda: self._step, memory):
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._ranks.is_first:
                self._train(clips, lambda loss: None)
                return
            self._write_settings()
            validator = Validator(
                self._network.config,
                self._device,
                validation,
                most=self._config.validate_pictures,
            )
            with RunLog(self._folder, done=self._step, tensorboard=self._tensorboard) as log:

                def after_step(loss: float) -> None:
                    event = self._settle(loss, validator, log)
                    if on_event:
                        on_event(event)

                self._train(clips, after_step)

    def _train(self, clips: Dataset[Clip], after_step: Callable[[float], None]) -> None:
        module: nn.Module = self._clip_loss
        if self._ranks.size > 1:
            # A timm pyramid may hold layers behind the last level that is used.
            module = DistributedDataParallel(module, find_unused_parameters=True)
        for clip in self._batches(clips):
            after_step(self._train_step(module, clip))

    def _batches(self, clips: Dataset[Clip]) -> Iterator[Clip]:
        config = self._config
        loader: DataLoader[Clip] = DataLoader(
            clips,
            batch_size=self._ranks.share(config.batch),
            sampler=StepSampler(self._step, config.steps, config.batch, self._ranks),
            num_workers=config.workers,
            prefetch_factor=2 if config.workers else None,
            pin_memory=self._device.type == "cuda",
        )
        return iter(loader)

    def _train_step(self, module: nn.Module, clip: Clip) -> float:
        config = self._config
        module.train()
        # Random numbers of a step depend on (seed, step, process) alone.
        generator = torch.Generator().manual_seed(
            config.seed * 1_000_003 + self._step + self._ranks.rank * 7_368_787
        )
        torch.manual_seed(config.seed * 999_983 + self._step + self._ranks.rank * 7_368_787)
        rgb = clip.rgb.to(self._device, non_blocking=True)
        masks = clip.masks.to(self._device, non_blocking=True)
        loss: Tensor = module(rgb, masks, generator)
        mean = float(self._ranks.mean(loss.detach()))
        if not math.isfinite(mean):
            raise self._diverged("loss")
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if not _is_finite(self._network):
            raise self._diverged("gradient")
        nn.utils.clip_grad_value_(self._network.parameters(), config.clip_gradients)
        set_rates(self._optimizer, self._step, config)
        self._optimizer.step()
        self._average.update(self._network, self._step)
        self._step += 1
        return mean

    def _settle(self, loss: float, validator: Validator, log: RunLog) -> TrainEvent:
        """Validate and save where due, and write the step's line.

        Weights come first and `last.pt` last: a run killed in between does the rest again.
        """
        config = self._config
        is_last = self._step == config.steps
        is_judged = is_last or self._step % config.validate_every == 0
        dice = self._validate(validator) if is_judged else None
        rate = config.lr * rate_factor(self._step - 1, config)
        event = TrainEvent(self._step, loss, dice, rate)
        log.write(event)
        if is_judged or self._step % config.save_every == 0:
            self._save()
        return event

    def _validate(self, validator: Validator) -> float | None:
        judged = validator.judge(self._average.state)
        dice, threshold = judged or (None, None)
        validator.write(self._folder / "last.safetensors", self._name, self._profile, threshold)
        if dice is None or dice > self._best_dice:
            self._best_dice = self._best_dice if dice is None else dice
            validator.write(self._folder / "best.safetensors", self._name, self._profile, threshold)
        return dice

    def _save(self) -> None:
        state = RunState(
            network=self._network.state_dict(),
            averaged=self._average.state,
            optimizer=self._optimizer.state_dict(),
            step=self._step,
            best_dice=self._best_dice,
            model=self._network.config.to_dict(),
        )
        write_state(self._folder / "last.pt", state)

    def _write_settings(self) -> None:
        text = json.dumps(self._settings, indent=2) + "\n"
        partial = self._folder / "config.json.partial"
        partial.write_text(text)
        partial.replace(self._folder / "config.json")

    def _diverged(self, what: str) -> TrainingError:
        return TrainingError(
            f"the {what} is not finite at step {self._step + 1}; that step was not taken: lower "
            f"--lr, or train with --precision float32; {what_is_kept(self._folder)}"
        )


def _is_finite(network: nn.Module) -> bool:
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return math.isfinite(float(nn.utils.get_total_norm(gradients)))


def _fold_backbone(network: Network) -> bool:
    """Freeze the backbone's batch norms the fast way; false, with a warning, where it cannot be."""
    backbone = network.encoder.backbone
    if not batch_norms(backbone):
        return True
    example = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    folded = fold_norms(backbone, example)
    if folded is None:
        _logger.warning(
            "batch norms of backbone %s cannot be folded into its convolutions; they are kept in "
            "inference mode instead, which is slower",
            network.config.backbone,
        )
        return False
    network.encoder.backbone = folded
    return True
