"""From probabilities to the mask that is shown: two fixed thresholds, hysteresis in space and time.

A region is where the probability reaches `threshold`. With a `peak_threshold` a region appears only
if it holds at least one pixel that reaches this higher value, and then stays as long as it overlaps
the mask of the frame before: a polyp once surely seen keeps its outline through faint frames, while
faint regions that never had a sure core are not shown. Both thresholds are fixed (P5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.errors import ConfigError

_EIGHT_NEIGHBOURS = np.ones((3, 3), np.int8)


@dataclass(frozen=True)
class MaskRule:
    """Fixed thresholds on the probability.

    Attributes:
        threshold: Of the outline, in (0, 1).
        peak_threshold: Of the surest pixel of a region, at least `threshold`, below 1; None: every
            region counts.
    """

    threshold: float
    peak_threshold: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError(f"threshold must be between 0 and 1, got {self.threshold}")
        if self.peak_threshold is not None and not self.threshold <= self.peak_threshold < 1.0:
            raise ConfigError(
                f"peak_threshold must be at least threshold ({self.threshold}) and below 1, got "
                f"{self.peak_threshold}"
            )

    def apply(self, probability: Tensor, before: Tensor | None = None) -> Tensor:
        """Return the mask of a frame.

        Args:
            probability: [H, W].
            before: Mask of the stream's frame before, [H, W] bool; None for a first frame.

        Returns:
            [H, W] bool.
        """
        mask = probability >= self.threshold
        if self.peak_threshold is None:
            return mask
        sure = probability >= self.peak_threshold
        if before is not None:
            sure |= mask & before
        if not bool(sure.any()):
            return torch.zeros_like(mask)
        kept = keep_regions(mask.cpu().numpy(), sure.cpu().numpy())
        return torch.from_numpy(kept).to(mask.device)


def keep_regions(mask: npt.NDArray[np.bool_], sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep the connected regions (8 neighbours) of a mask [H, W] that hold a sure pixel."""
    # SciPy takes a tenth of a second to import, and weights with one threshold do without it.
    from scipy import ndimage

    labels, count = ndimage.label(mask, _EIGHT_NEIGHBOURS)
    kept = np.zeros(count + 1, np.bool_)
    kept[labels[sure & mask]] = True
    result: npt.NDArray[np.bool_] = kept[labels]
    return result
