"""Trains the network on clips: resumable to the step, deterministic by seed on one device."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from sali_core.data.clips import Clip, Pictures
from sali_core.errors import CheckpointError, ConfigError
from sali_core.evaluation.single_frames import score_single_frames
from sali_core.model.network import SaliNetwork
from sali_core.training.clip_forward import MemoryMix, clip_forward
from sali_core.training.losses import deep_supervision_loss
from sali_core.weights.store import WeightsHeader, save_weights


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        steps: Optimiser steps in all.
        batch: Clips per step.
        size: Height and width of training frames, pixels, a multiple of 32.
        lr: Peak learning rate of everything but the backbone; warms up, then falls as a cosine.
        backbone_lr: Peak learning rate of the backbone.
        weight_decay: Of Adam.
        clip_gradients: Largest norm of the gradient.
        warm_up: Steps until the peak.
        validate_every: Steps between validations.
        validate_pictures: Pictures per validation, evenly spread; the last one takes all.
        bfloat16: Forward in bfloat16 where that is safe.
        freeze_backbone_norms: Keep the backbone's batch norms in inference mode.
        workers: Processes that prepare clips.
        seed: Of weights, clips and memory kinds.
        memory: What frames find in memory.
    """

    steps: int = 2000
    batch: int = 8
    size: int = 256
    lr: float = 1e-3
    backbone_lr: float = 3e-4
    weight_decay: float = 1e-4
    clip_gradients: float = 0.5
    warm_up: int = 50
    validate_every: int = 200
    validate_pictures: int = 64
    bfloat16: bool = False
    freeze_backbone_norms: bool = True
    workers: int = 1
    seed: int = 0
    memory: MemoryMix = field(default_factory=MemoryMix)

    def __post_init__(self) -> None:
        if self.size % 32 or self.size <= 0:
            raise ConfigError(f"size must be a positive multiple of 32, got {self.size}")
        if min(self.steps, self.batch, self.validate_every) < 1:
            raise ConfigError("steps, batch and validate_every must be at least 1")


@dataclass(frozen=True)
class TrainEvent:
    """Progress of training after one step; `dice` is set after a validation."""

    step: int
    loss: float
    dice: float | None = None


class Trainer:
    """One training run in one folder: `last.pt` to go on from, `best.safetensors`, `log.csv`."""

    def __init__(
        self,
        network: SaliNetwork,
        config: TrainConfig,
        folder: Path,
        *,
        name: str,
        profile: str,
        device: torch.device | None = None,
    ) -> None:
        self._device = device or torch.device("cpu")
        self._network = network.to(self._device)
        self._config = config
        self._folder = folder
        self._name, self._profile = name, profile
        self._optimizer = _create_optimizer(network, config)
        self._step = 0
        self._best_dice = -1.0

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
        try:
            saved = torch.load(path, map_location=self._device, weights_only=True)
            self._network.load_state_dict(saved["network"])
            self._optimizer.load_state_dict(saved["optimizer"])
            self._step, self._best_dice = saved["step"], saved["best_dice"]
        except (KeyError, RuntimeError, ValueError, EOFError, OSError) as exc:
            reason = str(exc).splitlines()[0]
            raise CheckpointError(f"{path}: cannot go on from it: {reason}") from exc
        return True

    def run(
        self,
        clips: Dataset[Clip],
        validation: Pictures,
        on_event: Callable[[TrainEvent], None] | None = None,
    ) -> None:
        """Train to the last step, validating and saving on the way."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {"train": asdict(self._config), "model": self._network.config.to_dict()}
        (self._folder / "config.json").write_text(json.dumps(settings, indent=2))
        for clip in self._batches(clips):
            loss = self._train_step(clip)
            last = self._step == self._config.steps
            score = None
            if last or self._step % self._config.validate_every == 0:
                score = self._validate(validation, everything=last)
                self._save()
            event = TrainEvent(self._step, loss, score)
            self._log(event)
            if on_event:
                on_event(event)

    def _batches(self, clips: Dataset[Clip]) -> Iterator[Clip]:
        loader: DataLoader[Clip] = DataLoader(
            clips,
            batch_size=self._config.batch,
            sampler=_Range(
                self._step * self._config.batch, self._config.steps * self._config.batch
            ),
            num_workers=self._config.workers,
            prefetch_factor=2 if self._config.workers else None,
        )
        return iter(loader)

    def _train_step(self, clip: Clip) -> float:
        config = self._config
        self._network.train()
        if config.freeze_backbone_norms:
            _freeze_norms(self._network.encoder.backbone)
        # One generator per step: the kinds of memory depend on (seed, step) alone.
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + self._step)
        torch.manual_seed(config.seed * 999_983 + self._step)
        rgb, masks = clip.rgb.to(self._device), clip.masks.to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=config.bfloat16):
            outputs = clip_forward(self._network, rgb, masks, generator, config.memory)
        losses = [deep_supervision_loss(out, masks[:, t]) for t, out in enumerate(outputs)]
        loss = torch.stack(losses).mean()
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._network.parameters(), config.clip_gradients)
        factor = _schedule(self._step, config)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        self._optimizer.step()
        self._step += 1
        return float(loss.detach())

    def _validate(self, pictures: Pictures, *, everything: bool) -> float:
        total = len(pictures)
        count = total if everything else min(self._config.validate_pictures, total)
        indices = [round(k * (total - 1) / max(count - 1, 1)) for k in range(count)]
        self._network.eval()
        scores = score_single_frames(self._network, pictures, indices=indices)
        threshold = scores.best_threshold
        score = scores.at(threshold)[0]
        header = WeightsHeader(self._name, self._profile, threshold, self._network.config)
        save_weights(self._folder / "last.safetensors", self._network, header)
        if score > self._best_dice:
            self._best_dice = score
            save_weights(self._folder / "best.safetensors", self._network, header)
        return score

    def _save(self) -> None:
        partial = self._folder / "last.pt.partial"
        torch.save(
            {
                "network": self._network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "step": self._step,
                "best_dice": self._best_dice,
            },
            partial,
        )
        partial.replace(self._folder / "last.pt")

    def _log(self, event: TrainEvent) -> None:
        path = self._folder / "log.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(("step", "loss", "validation_dice"))
            writer.writerow((event.step, f"{event.loss:.5f}", event.dice if event.dice else ""))


class _Range(Sampler[int]):
    """Indices from `start` up to `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        self._indices = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


def _create_optimizer(network: SaliNetwork, config: TrainConfig) -> torch.optim.Adam:
    backbone: list[Tensor] = list(network.encoder.backbone.parameters())
    known = {id(p) for p in backbone}
    rest = [p for p in network.parameters() if id(p) not in known]
    groups = [
        {"params": backbone, "lr": config.backbone_lr, "peak_lr": config.backbone_lr},
        {"params": rest, "lr": config.lr, "peak_lr": config.lr},
    ]
    return torch.optim.Adam(groups, weight_decay=config.weight_decay)


def _schedule(step: int, config: TrainConfig) -> float:
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    progress = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def _freeze_norms(module: nn.Module) -> None:
    for child in module.modules():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            child.eval()
