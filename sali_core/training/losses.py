"""The paper's training loss (section 2.3): weighted cross-entropy and weighted IoU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.types import DecoderOutput


def boundary_weight(mask: Tensor) -> Tensor:
    """Return 1 + 5 |avgpool31(m) - m| for a mask [B, 1, H, W]: large near the mask's edge.

    The 31 x 31 mean is taken as rows, then columns: equal, and sixteen times less work.
    """
    mean = F.avg_pool2d(mask, (31, 1), stride=1, padding=(15, 0))
    mean = F.avg_pool2d(mean, (1, 31), stride=1, padding=(0, 15))
    return 1 + 5 * (mean - mask).abs()


def structure_loss(logits: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy + weighted IoU of one output.

    Args:
        logits: [B, 1, H, W].
        mask: Truth of the same shape, in [0, 1].
        weight: `boundary_weight` of the mask.

    Returns:
        Scalar, mean over the batch.
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    entropy = (weight * entropy).sum((2, 3)) / weight.sum((2, 3))
    probability = torch.sigmoid(logits)
    intersection = (probability * mask * weight).sum((2, 3))
    union = ((probability + mask) * weight).sum((2, 3))
    iou = 1 - (intersection + 1) / (union - intersection + 1)
    return (entropy + iou).mean()


def deep_supervision_loss(output: DecoderOutput, mask: Tensor) -> Tensor:
    """Sum of `structure_loss` over the four outputs of the decoder."""
    weight = boundary_weight(mask)
    return torch.stack([structure_loss(logits, mask, weight) for logits in output]).sum()
