"""The authors' form as a stream: one frame in, one map of logits out."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.errors import ConfigError
from sali_core.stream.masking import MaskRule
from tests.bench.authors.memory import FrameMemory
from tests.bench.authors.paper import PaperForm
from tests.bench.authors.parts import up
from tests.bench.authors.released import ReleasedForm


class AuthorsForm:
    """One stream through the plain network; live, so `released` evicts whole frames."""

    def __init__(
        self,
        config: ModelConfig,
        state_dict: Mapping[str, Tensor],
        rule: MaskRule,
        *,
        memory: MemoryConfig | None = None,
        device: torch.device | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        """Take over the weights of a network of ours.

        Args:
            config: The network's.
            state_dict: The network's; every name must be there and none more.
            rule: Thresholds of the mask that is remembered.
            memory: Bank size and write interval.
            device: Where to run; CPU by default.
            precision: float32; float64, to tell rounding by; or what autocast computes in.

        Raises:
            ConfigError: An ablation, which has no authors' form.
        """
        if config.ablation != "full":
            raise ConfigError(f"ablation {config.ablation!r} has no authors' form")
        self.device = device or torch.device("cpu")
        form = ReleasedForm if config.topology == "released" else PaperForm
        self.network = form(config)
        self.network.load_state_dict(state_dict)
        self.exact = torch.float64 if precision == torch.float64 else torch.float32
        self.network.to(self.device, self.exact).eval()
        policy = memory or MemoryConfig()
        self.memory = FrameMemory(
            policy.capacity_frames, masks_keys=config.masks_keys, top=config.top_tokens
        )
        self.write_every_frames = policy.write_every_frames
        self.rule, self.precision = rule, precision
        self.mean = torch.tensor(config.mean, device=self.device, dtype=self.exact).view(3, 1, 1)
        self.std = torch.tensor(config.std, device=self.device, dtype=self.exact).view(3, 1, 1)
        self.previous: Tensor | None = None
        self.mask: Tensor | None = None
        self.frames_seen = 0

    def at_precision(self, precision: torch.dtype) -> AuthorsForm:
        """Return this stream as it stands, continued in another precision; weights are shared."""
        other = copy.copy(self)
        other.precision = precision
        other.memory = self.memory.to(precision)
        return other

    @property
    def shown_mask(self) -> npt.NDArray[np.bool_]:
        """Mask of the last frame, [H, W]; there must have been one."""
        assert self.mask is not None
        return self.mask.cpu().numpy()

    @torch.inference_mode()
    def step(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating]:
        """Logits [H, W] of the next frame [H, W, 3] uint8 RGB; float64 if that is the precision."""
        rgb = torch.from_numpy(frame.copy()).to(self.device).permute(2, 0, 1)[None]
        image = (rgb.to(self.exact) / 255 - self.mean) / self.std
        neighbour = image if self.previous is None else self.previous
        lower = self.precision != self.exact
        with torch.autocast(self.device.type, self.precision, enabled=lower):
            s3, keys, values = self.network(image, neighbour, self.memory)
        logits = up(s3.to(self.exact), image.shape[-2:])[0, 0]
        self.mask = self.rule.apply(torch.sigmoid(logits), self.mask)
        if self.frames_seen % self.write_every_frames == 0:
            self.memory.write(self.frames_seen, keys, values, self.mask)
        self.previous = image
        self.frames_seen += 1
        return logits.cpu().numpy()
