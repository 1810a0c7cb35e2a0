"""One training step's forward pass: clips in, the loss out, as one module that can be shared."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from sali_core.model.build import Network
from sali_core.training.clip_forward import clip_forward
from sali_core.training.frozen_norms import batch_norms
from sali_core.training.losses import deep_supervision_loss
from sali_core.training.memory_kinds import MemoryMix


class ClipLoss(nn.Module):
    """Mean over frames of the loss on all four outputs."""

    def __init__(
        self, network: Network, mix: MemoryMix, *, bfloat16: bool, keeps_norms: bool
    ) -> None:
        """Wrap a network.

        Args:
            network: Any topology.
            mix: Shares of what frames find in memory.
            bfloat16: Forward in bfloat16 where that is safe; the loss is float32.
            keeps_norms: The backbone's batch norms stay in inference mode.
        """
        super().__init__()
        self.network = network
        self._mix = mix
        self._bfloat16 = bfloat16
        self._keeps_norms = keeps_norms

    def train(self, mode: bool = True) -> ClipLoss:
        """Set the mode, but keep the backbone's norms in inference mode where they are frozen."""
        super().train(mode)
        if self._keeps_norms:
            for norm in batch_norms(self.network.encoder.backbone):
                norm.eval()
        return self

    def forward(self, rgb: Tensor, masks: Tensor, generator: Generator) -> Tensor:
        """Return the scalar loss.

        Args:
            rgb: [B, T, 3, S, S] uint8, or [B, N, T, 3, S, S]: N clips an item.
            masks: Truth, [B, T, 1, S, S] float32, or [B, N, T, 1, S, S].
            generator: CPU generator that draws the kinds of memory.
        """
        if rgb.dim() == 6:
            rgb, masks = rgb.flatten(0, 1), masks.flatten(0, 1)
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self._bfloat16):
            outputs = clip_forward(self.network, rgb, masks, generator, self._mix)
        losses = [deep_supervision_loss(out, masks[:, t]) for t, out in enumerate(outputs)]
        return torch.stack(losses).mean()
