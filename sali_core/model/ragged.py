"""Memory reads of many streams at once, their banks of different length (Eq. 3), pure functions.

Every stream's tokens are padded to one width. A padding token has the key 0 and -1e30 on its
score's constant part: its weight is exactly 0 in float32, whatever stands beside it, so no row can
read what is not its own. Reads also tell how much attention each memory frame received, which is
what eviction asks for: values carry the token's frame as further channels (`paper`), or the best
tokens' weights are summed by frame (`released`). Nothing here waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.model.readout import extend_queries
from sali_core.model.selection import BLOCK, largest

PADDING_SCORE = -1e30
# Scores written out at once by reads of the best tokens: 1 GB in float32.
_SCORES_AT_ONCE = 2**28
# Fused attention on GPUs wants widths that are multiples of four in float32, eight below it.
_WIDTH_STEP = 8

Select = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""Queries [B, m, C] and keys [B, N, C] to the best scores [B, m, K] and their places."""


class RaggedTokens(NamedTuple):
    """Tokens of one scale of B streams, padded to N.

    Attributes:
        keys: [B, N, Ck + 1] extended keys; of padding 0 and `PADDING_SCORE`.
        values: [B, N, Cv].
        shares: [B, N, F]: by how much each token belongs to each memory frame.
    """

    keys: Tensor
    values: Tensor
    shares: Tensor


class RaggedPlaces(NamedTuple):
    """Tokens of one scale of B streams, padded to N, their values left where they are.

    Attributes:
        keys: [B, N, Ck + 1] extended keys; of padding 0 and `PADDING_SCORE`.
        rows: [B, N] int64, where each token's value stands in `values`.
        values: [rows, Cv], all streams'.
        frames: [B, N] int64, the memory frame of each token, 0 to F - 1; any of padding.
        frame_count: F.
    """

    keys: Tensor
    rows: Tensor
    values: Tensor
    frames: Tensor
    frame_count: int


def read_all(tokens: RaggedTokens, query_key: Tensor) -> tuple[Tensor, Tensor]:
    """Read every stream's tokens by one fused attention.

    Args:
        tokens: At least one real token in every row.
        query_key: K_Q, [B, Ck, h, w], dtype of the tokens.

    Returns:
        readout: [B, h * w, Cv].
        received: [B, F], attention each memory frame received, mean over cells.
    """
    channels = tokens.values.shape[-1]
    queries = _pad(extend_queries(query_key))
    carried = _pad(torch.cat((tokens.values, tokens.shares), -1))
    read = F.scaled_dot_product_attention(
        queries[:, None], _pad(tokens.keys)[:, None], carried[:, None], scale=1.0
    )[:, 0]
    shares = read[..., channels : channels + tokens.shares.shape[-1]]
    return read[..., :channels], shares.mean(1)


def select_best(queries: Tensor, keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Score all tokens and pick each query's best; a `Select`, the scores written out."""
    return largest(queries @ keys.transpose(1, 2), count)


def select_best_fused(queries: Tensor, keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Do the same in a form that a compiler fuses: scores never leave the processor's registers.

    The maxima of blocks of `BLOCK` scores are reductions of a few multiply-adds; the scores of the
    best blocks are then computed a second time (`sali_core.model.selection` says why that is
    exact). Of tokens too few to fill `count` blocks all scores are sorted.
    """
    batch, rows, channels = queries.shape
    blocks, beyond = divmod(keys.shape[1], BLOCK)
    if blocks < count or beyond:
        best = torch.topk(queries @ keys.transpose(1, 2), count, dim=-1)
        return best.values, best.indices
    by_channel = keys.transpose(1, 2).contiguous()
    scores = queries[:, :, :1] * by_channel[:, None, 0]
    for channel in range(1, channels):
        scores = scores + queries[:, :, channel : channel + 1] * by_channel[:, None, channel]
    maxima = scores.view(batch, rows, BLOCK, blocks).amax(2)
    chosen = torch.topk(maxima, count, dim=-1, sorted=False).indices
    members = torch.arange(BLOCK, device=keys.device) * blocks
    candidates = (chosen[..., None] + members).flatten(2)
    wanted = candidates.flatten(1)[..., None].expand(-1, -1, channels)
    near = keys.gather(1, wanted).view(batch, rows, -1, channels)
    best = torch.topk((near * queries[:, :, None]).sum(-1), count, dim=-1)
    return best.values, candidates.gather(2, best.indices)


def read_best(
    tokens: RaggedPlaces, query_key: Tensor, count: int, select: Select = select_best
) -> tuple[Tensor, Tensor]:
    """Read with each cell's best tokens, some cells of all streams at a time.

    Args:
        tokens: At least one real token in every row.
        query_key: K_Q, [B, Ck, h, w].
        count: Tokens each cell reads; where a bank holds fewer, padding joins with weight 0.
        select: How the best are found.

    Returns:
        As `read_all`.
    """
    queries = extend_queries(query_key)
    width = tokens.keys.shape[1]
    count = min(count, width)
    rows = _equal_parts(queries.shape[1], _SCORES_AT_ONCE // (len(queries) * width))
    parts = []
    received = queries.new_zeros(len(queries), tokens.frame_count)
    for chunk in torch.split(queries, rows, dim=1):
        best, places = select(chunk, tokens.keys, count)
        weights = torch.softmax(best, dim=-1)
        flat = places.flatten(1)
        values = tokens.values[tokens.rows.gather(1, flat)].view(*places.shape, -1)
        parts.append((weights[..., None] * values).sum(2))
        received.scatter_add_(1, tokens.frames.gather(1, flat), weights.flatten(1))
    return torch.cat(parts, 1), received / queries.shape[1]


def _equal_parts(total: int, most: int) -> int:
    """The largest divisor of `total` that is at most `most`: parts of one shape; at least 1."""
    return next((n for n in range(min(total, most), 1, -1) if total % n == 0), 1)


def _pad(x: Tensor) -> Tensor:
    return F.pad(x, (0, -x.shape[-1] % _WIDTH_STEP))
