"""The decoder with fewer multiplications: the same sums, convolutions merged where all is linear.

Two identities, exact but for the order of summation (both hold at the borders too):

- A group block interleaves ONE map r between its groups of channels. A convolution of that stack
  is a convolution of (x, r) with r's weights added up: 33 channels in instead of 33, 36 or 64.
- The partial decoder ends in 3x3, 3x3 and 1x1 convolutions without activation between them. The
  last two are one 3x3 convolution to one channel, with taps d: out(p) = sum_d k_d . y(p + d), where
  y = W x and y is 0 outside the map. So out(p) = sum_d z_d(p + d) with z_d = (k_d W) x, and the
  three convolutions of 96, 96 and 1 channels out become one of 9 and a sum of nine shifted maps.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from sali_core.model.decoder import Decoder, GroupBlock
from sali_core.model.rfb import ConvNorm


def fold_decoder(decoder: Decoder) -> Decoder:
    """Return a copy that computes the same with fewer operations; for inference only.

    Args:
        decoder: In inference mode; unchanged.
    """
    folded = copy.deepcopy(decoder)
    for attention in (folded.reverse5, folded.reverse4, folded.reverse3):
        for name, block in list(attention.named_children()):
            setattr(attention, name, FoldedGroupBlock(cast(GroupBlock, block)))
    partial = folded.partial
    tail = FoldedTail(partial.conv_concat3, partial.conv4, partial.conv5)
    partial.conv_concat3, partial.conv4, partial.conv5 = tail, nn.Identity(), nn.Identity()  # type: ignore[assignment]  # other modules in their seats
    return folded


class FoldedGroupBlock(nn.Module):
    """A group block that looks at its guidance once."""

    def __init__(self, block: GroupBlock) -> None:
        super().__init__()
        conv = cast(nn.Conv2d, block.conv[0])
        stacked = conv.weight.detach().double()
        stacked = stacked.view(stacked.shape[0], block.groups, -1, 3, 3)
        weight = torch.cat((stacked[:, :, :-1].flatten(1, 2), stacked[:, :, -1].sum(1, True)), 1)
        self.conv = _conv3x3(weight, cast(Tensor, conv.bias))
        self.score = block.score

    def forward(self, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refined features [B, C, h, w] and guidance [B, 1, h, w]."""
        x = x + torch.relu(self.conv(torch.cat((x, r), 1)))
        return x, r + self.score(x)


class FoldedTail(nn.Module):
    """3x3, 3x3 and 1x1 convolutions in a row, to one channel."""

    def __init__(self, first: ConvNorm, second: ConvNorm, last: nn.Conv2d) -> None:
        super().__init__()
        first_weight, first_bias = _fold_norm(first)
        second_weight, second_bias = _fold_norm(second)
        mix = last.weight.detach().double()[0, :, 0, 0]
        taps = torch.einsum("o,ochw->chw", mix, second_weight).flatten(1)
        weight = torch.einsum("cd,cihw->dihw", taps, first_weight)
        bias = taps.T @ first_bias
        # Sixteen channels, seven of them 0: vectors of sixteen numbers compute no slower than nine.
        self.taps = _conv3x3(_fill(weight, 0), _fill(bias, 0))
        offset = mix @ second_bias + cast(Tensor, last.bias).detach().double()
        shifts = torch.eye(9, dtype=torch.float64).view(1, 9, 3, 3)
        self.sum = _conv3x3(_fill(shifts, 1), offset)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, h, w] to [B, 1, h, w]."""
        out: Tensor = self.sum(self.taps(x))
        return out


def _fill(x: Tensor, dim: int) -> Tensor:
    """Append zeros along a dimension until it has 16 entries."""
    shape = list(x.shape)
    shape[dim] = 16 - shape[dim]
    return torch.cat((x, x.new_zeros(shape)), dim)


def _conv3x3(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
    conv.load_state_dict({"weight": weight.float(), "bias": bias.detach().float()})
    return conv


def _fold_norm(block: ConvNorm) -> tuple[Tensor, Tensor]:
    """Weight and bias, float64, of a convolution and the batch norm behind it."""
    norm = block.bn
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight.detach().double() / (variance.double() + norm.eps).sqrt()
    weight = block.conv.weight.detach().double() * scale[:, None, None, None]
    return weight, norm.bias.detach().double() - mean.double() * scale
