"""Short-term alignment module (SAM): deformable alignment, then pooled attention (Eq. 1, 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def deform_conv3x3(x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Deformable 3x3 convolution without modulation (Eq. 1), written as nine bilinear samplings.

    Equals torchvision's `deform_conv2d` with padding 1 (offset channels 2k, 2k + 1 are the row
    and column shift of kernel tap k; outside the map is zero). This form traces, exports and
    compiles, and is several times faster on CPUs. Computed in float32 whatever the autocast state.

    Args:
        x: [B, C, h, w].
        offsets: [B, 18, h, w] in cells.
        weight: [C_out, C, 3, 3].
        bias: [C_out].

    Returns:
        [B, C_out, h, w], float32.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, offsets = x.float(), offsets.float()
        batch, channels, h, w = x.shape
        rows = torch.arange(h, device=x.device, dtype=x.dtype)[:, None]
        cols = torch.arange(w, device=x.device, dtype=x.dtype)[None, :]
        taps = torch.arange(9, device=x.device)
        tap_row = (taps // 3 - 1).to(x.dtype)[:, None, None]
        tap_col = (taps % 3 - 1).to(x.dtype)[:, None, None]
        shift = offsets.view(batch, 9, 2, h, w)
        y = rows + tap_row + shift[:, :, 0]
        z = cols + tap_col + shift[:, :, 1]
        # grid_sample with align_corners=False: -1 and 1 are the map's outer edges.
        grid = torch.stack(((2 * z + 1) / w - 1, (2 * y + 1) / h - 1), dim=-1)
        sampled = F.grid_sample(
            x, grid.view(batch, 9 * h, w, 2), padding_mode="zeros", align_corners=False
        )
        columns = sampled.view(batch, channels * 9, h * w)
        out = weight.float().view(weight.shape[0], -1) @ columns + bias.float()[:, None]
        return out.view(batch, -1, h, w)


class ShortTermAlignment(nn.Module):
    """SAM of one scale: aligns f_{t-1} to f_t and lets the pair attend to its pooled self."""

    def __init__(self, channels: int, pool: int, *, aligns: bool = True) -> None:
        """Build; without `aligns`, f_{t-1} enters as it is (the ablation `without_fa`)."""
        super().__init__()
        self.pool = pool
        self.aligns = aligns
        self.value = nn.Conv2d(2 * channels, channels, 1)
        self.out = nn.Conv2d(channels, channels, 3, padding=1)
        if aligns:
            self.offset = nn.Conv2d(2 * channels, 18, 1)
            self.deform_weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
            self.deform_bias = nn.Parameter(torch.zeros(channels))
            nn.init.kaiming_uniform_(self.deform_weight, a=5**0.5)
            # Alignment starts as a plain convolution; offsets are learned.
            nn.init.zeros_(self.offset.weight)
            if self.offset.bias is not None:
                nn.init.zeros_(self.offset.bias)

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """Return F_short.

        Args:
            current: f_t, [B, C, h, w].
            previous: f_{t-1}, same shape; the first frame of a stream is its own predecessor.

        Returns:
            [B, C, h, w].
        """
        aligned = self._align(current, previous) if self.aligns else previous
        pair = torch.cat((current, aligned), 1)
        pooled = F.max_pool2d(pair, self.pool, ceil_mode=True)
        query = pair.flatten(2).transpose(1, 2)
        key = pooled.flatten(2).transpose(1, 2)
        value = self.value(pooled).flatten(2).transpose(1, 2)
        affinity = torch.softmax(query @ key.transpose(1, 2), dim=-1)
        short = (affinity @ value).transpose(1, 2).reshape(current.shape)
        out: Tensor = self.out(short)
        return out

    def _align(self, current: Tensor, previous: Tensor) -> Tensor:
        """Eq. 1: f'_{t-1}, of `previous` sampled where both frames say."""
        offsets = self.offset(torch.cat((current, previous), 1))
        aligned = deform_conv3x3(previous, offsets, self.deform_weight, self.deform_bias)
        return aligned.to(current.dtype)
