"""Any image segmentation network as a stream model: every frame alone, no memory.

A network saved by TorchScript or `torch.export` needs no Python package: `NET.pt` (or `NET.pt2`)
and beside it `NET.json`:

    {"name": "my-unet", "input_size": [352, 352], "threshold": 0.5, "output": "logits",
     "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import IMAGENET_MEAN, IMAGENET_STD
from sali_core.engine.device import pick_device
from sali_core.errors import CheckpointError, ShapeError
from sali_core.stream.frames import check_frame
from sali_core.stream.model import ModelInfo
from sali_core.types import StepResult

_OUTPUTS = ("logits", "probability")


class ImageModel:
    """A `StreamModel` around a function from pictures to maps."""

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        info: ModelInfo,
        *,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        gives_logits: bool = True,
    ) -> None:
        """Wrap a network.

        Args:
            function: Normalised pictures [B, 3, H, W] float32 to maps [B, 1, H, W].
            info: Its name, threshold, device and input size.
            mean: Mean of the input in [0, 1], per RGB channel.
            std: Standard deviation of the input in [0, 1], per RGB channel.
            gives_logits: Whether the maps are logits; else probabilities.
        """
        self._function = function
        self.info = info
        self._mean = torch.tensor(mean, device=info.device).view(3, 1, 1)
        self._std = torch.tensor(std, device=info.device).view(3, 1, 1)
        self._gives_logits = gives_logits

    def initial_state(self) -> None:
        """Return nothing: there is no memory."""

    def step(self, state: None, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment one frame [H, W, 3] uint8."""
        return self.step_many([state], [rgb])[0]

    @torch.inference_mode()
    def step_many(
        self, states: Sequence[None], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> list[StepResult]:
        """Segment one frame of each of several streams in one batch.

        Raises:
            ShapeError: A frame is of another size, or the network gives another shape.
        """
        for frame in frames:
            check_frame(frame, self.info.input_size)
        batch = torch.from_numpy(np.stack(frames)).to(self.info.device).permute(0, 3, 1, 2)
        maps = self._function((batch.float() / 255 - self._mean) / self._std)
        wanted = (len(frames), 1, *self.info.input_size)
        if tuple(maps.shape) != wanted:
            raise ShapeError(f"the network gives maps {tuple(maps.shape)} instead of {wanted}")
        maps = maps[:, 0].float()
        probability = torch.sigmoid(maps) if self._gives_logits else maps.clamp(0, 1)
        logits = maps if self._gives_logits else torch.logit(probability, eps=1e-6)
        mask = probability >= self.info.threshold
        on_host = (x.cpu().numpy() for x in (logits, probability, mask))
        return [StepResult(*maps) for maps in zip(*on_host, strict=True)]


def load_image_model(weights: str | Path, device: str = "auto") -> ImageModel:
    """Load a TorchScript (`.pt`) or exported (`.pt2`) network with its `.json` beside it.

    Raises:
        CheckpointError: A file is missing or cannot be used; the text names it.
        ConfigError: The device is not there.
    """
    path = Path(weights)
    where = pick_device(device)
    card = _read_card(path.with_suffix(".json"))
    info = ModelInfo(
        name=str(card.get("name", path.stem)),
        threshold=float(card["threshold"]),
        input_size=(int(card["input_size"][0]), int(card["input_size"][1])),
        device=str(where),
        profile="image",
        engine="exported" if path.suffix == ".pt2" else "torchscript",
    )
    return ImageModel(
        _load_function(path, where),
        info,
        mean=card.get("mean", IMAGENET_MEAN),
        std=card.get("std", IMAGENET_STD),
        gives_logits=card["output"] == "logits",
    )


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(path.read_text())
        height, width = card["input_size"]
        if min(int(height), int(width)) < 1 or not 0 < float(card["threshold"]) < 1:
            raise ValueError("input_size must be positive, threshold between 0 and 1")
        if card["output"] not in _OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(_OUTPUTS)}")
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: missing; it tells input_size, threshold and output of the network beside it"
        ) from None
    except KeyError as exc:
        raise CheckpointError(f"{path}: {exc} is missing") from exc
    except (ValueError, TypeError, OSError) as exc:
        raise CheckpointError(f"{path}: {exc}") from exc
    return card


def _load_function(path: Path, device: torch.device) -> Callable[[Tensor], Tensor]:
    try:
        if path.suffix == ".pt2":
            exported: Callable[[Tensor], Tensor] = torch.export.load(path).module().to(device)
            return exported
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # an old format that people still have
            scripted: Callable[[Tensor], Tensor] = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]  # torch's own
        return scripted
    except (RuntimeError, OSError, ValueError, BadZipFile) as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise CheckpointError(
            f"weights {path}: no TorchScript or exported network: {reason}"
        ) from exc
