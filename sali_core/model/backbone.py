"""The encoder's backbone: any timm pyramid by name."""

from __future__ import annotations

from typing import Any, cast

import timm
from torch import Tensor, nn

from sali_core.errors import ConfigError
from sali_core.types import STRIDES, FeaturePyramid


class Backbone(nn.Module):
    """A timm model that gives features at strides 8, 16 and 32.

    Attributes:
        out_channels: Channels at those strides, finest first.
    """

    def __init__(self, name: str, options: dict[str, Any] | None = None) -> None:
        """Build without pretrained weights (those come from a file, never from the network).

        Raises:
            ConfigError: timm has no such model, or it lacks one of the strides.
        """
        super().__init__()
        try:
            model: Any = timm.create_model(
                name, pretrained=False, features_only=True, **(options or {})
            )
        except (RuntimeError, TypeError) as exc:
            raise ConfigError(f"backbone {name!r}: timm cannot build it: {exc}") from exc
        reductions = list(model.feature_info.reduction())
        missing = [stride for stride in STRIDES if stride not in reductions]
        if missing:
            raise ConfigError(f"backbone {name!r} has no features at stride {missing[0]}")
        # The last level of a stride is the deepest one.
        levels = [len(reductions) - 1 - reductions[::-1].index(stride) for stride in STRIDES]
        channels = list(model.feature_info.channels())
        self.out_channels = tuple(channels[level] for level in levels)
        self._levels = tuple(levels)
        self.net = model

    def forward(self, x: Tensor) -> FeaturePyramid:
        """Map a normalised image [B, 3, H, W] to maps at strides 8, 16, 32."""
        features = self.net(x)
        return cast(FeaturePyramid, tuple(features[level] for level in self._levels))
