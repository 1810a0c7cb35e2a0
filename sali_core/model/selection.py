"""The largest scores of each row, exactly, without sorting rows of 68,000.

Cut a row into blocks of 32 and take each block's maximum. The K largest scores lie in the K blocks
with the largest maxima (or the remainder that fills no block): were one outside, those K blocks
would each hold a score at least as large. So `torch.topk` looks at N / 32 maxima and then at
32 K candidates. For K = 20 of 67,760 scores, a full bank at stride 8, this took a fifteenth of the
time of `torch.topk` on one core.

Of scores equal to the K-th any may be taken, here as by `torch.topk`.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 32


def largest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find each row's largest scores.

    Args:
        scores: [..., N].
        count: K; K' = min(K, N) are returned.

    Returns:
        values: [..., K'] in descending order, and places: [..., K'] int64 in the row.
    """
    total = scores.shape[-1]
    blocks = total // BLOCK
    # While torch compiles or exports, N may stand for any number and must not decide the path.
    if torch.compiler.is_compiling() or blocks <= count:
        best = torch.topk(scores, min(count, total), dim=-1)
        return best.values, best.indices
    whole = blocks * BLOCK
    # Members of a block lie `blocks` apart: the maxima are then taken over whole vectors.
    maxima = scores[..., :whole].detach().view(*scores.shape[:-1], BLOCK, blocks).amax(-2)
    chosen = torch.topk(maxima, count, dim=-1, sorted=False).indices
    members = torch.arange(BLOCK, device=scores.device) * blocks
    candidates = (chosen[..., None] + members).flatten(-2)
    remainder = torch.arange(whole, total, device=scores.device)
    candidates = torch.cat((candidates, remainder.expand(*scores.shape[:-1], -1)), -1)
    best = torch.topk(scores.gather(-1, candidates), count, dim=-1)
    return best.values, candidates.gather(-1, best.indices)
