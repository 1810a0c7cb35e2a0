"""Long-term interaction module: masked attention over the memory bank (Eq. 3), pure functions.

For query cell j with key q_j and memory cell i with masked key k_i = K_M[i] * P_M[i]:

    s_ij = -||q_j - k_i||^2 / sqrt(Ck)  ==  (2 <k_i, q_j> - ||k_i||^2) / sqrt(Ck)

up to ||q_j||^2, which is the same for all i and drops out of the softmax over i. With extended
keys (k_i, -||k_i||^2 / sqrt(Ck)) and queries (2 q_j / sqrt(Ck), 1) the score is a plain inner
product, so a fused attention kernel computes the read.

A cell with P_M[i] = 0 has the key 0 and scores 0 against every query. All n such cells together
act as ONE token: key 0, value the mean of theirs, and log(n) added to its score. That is exact.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.errors import EmptyMemoryError, ShapeError


class MemoryTokens(NamedTuple):
    """Tokens of one scale, ready to read.

    Attributes:
        keys: [B, N, Ck + 1] extended keys: masked key, then the score's constant part.
        values: [B, N, Cv].
    """

    keys: Tensor
    values: Tensor


def dense_tokens(keys: Tensor, values: Tensor, masks: Tensor | None) -> MemoryTokens:
    """Make one token of every memory cell.

    Args:
        keys: K_M, [B, T, Ck, h, w].
        values: V_M, [B, T, Cv, h, w].
        masks: P_M, [B, T, 1, h, w] in [0, 1]; None leaves the keys unmasked.

    Returns:
        Tokens with N = T * h * w, ordered by frame, row, column.
    """
    if masks is not None:
        keys = keys * masks
    flat_keys = keys.movedim(2, -1).flatten(1, 3)
    flat_values = values.movedim(2, -1).flatten(1, 3)
    return MemoryTokens(extend_keys(flat_keys), flat_values)


def extend_keys(keys: Tensor) -> Tensor:
    """Append -||k||^2 / sqrt(Ck) to keys [..., Ck]."""
    constant = -keys.square().sum(-1, keepdim=True) / keys.shape[-1] ** 0.5
    return torch.cat((keys, constant), -1)


def extend_queries(query_key: Tensor) -> Tensor:
    """Map K_Q [B, Ck, h, w] to extended queries [B, h * w, Ck + 1]: (2 q / sqrt(Ck), 1)."""
    flat = query_key.flatten(2).transpose(1, 2)
    scaled = flat * (2 / query_key.shape[1] ** 0.5)
    return torch.cat((scaled, torch.ones_like(scaled[..., :1])), -1)


def read_memory(tokens: MemoryTokens, query_key: Tensor, query_value: Tensor) -> Tensor:
    """Read one scale's memory: F_long = concat(sum_i a_ij v_i, V_Q), a = softmax over i.

    Args:
        tokens: N >= 1 tokens.
        query_key: K_Q, [B, Ck, h, w].
        query_value: V_Q, [B, Cv, h, w].

    Returns:
        F_long, [B, 2 * Cv, h, w].

    Raises:
        EmptyMemoryError: There is no token; a first frame reads itself (`dense_tokens`).
        ShapeError: Key sizes disagree.
    """
    if tokens.keys.shape[1] == 0:
        raise EmptyMemoryError("the memory holds no token; the first frame must read itself")
    if tokens.keys.shape[-1] != query_key.shape[1] + 1:
        raise ShapeError(
            f"memory keys have {tokens.keys.shape[-1] - 1} channels, the query {query_key.shape[1]}"
        )
    queries = extend_queries(query_key)
    # The fused CPU kernel wants equal key and value sizes; zero channels change nothing.
    width = max(queries.shape[-1], tokens.values.shape[-1])
    readout = F.scaled_dot_product_attention(
        _pad(queries, width)[:, None],
        _pad(tokens.keys, width)[:, None],
        _pad(tokens.values, width)[:, None],
        scale=1.0,
    )[:, 0, :, : tokens.values.shape[-1]]
    readout = readout.transpose(1, 2).reshape(query_value.shape[0], -1, *query_value.shape[2:])
    return torch.cat((readout, query_value), 1)


def attention_received(tokens: MemoryTokens, query_key: Tensor) -> Tensor:
    """Mean over query cells of the attention each token receives in this read.

    Returns:
        [B, N] float32; sums to 1 over N.
    """
    queries = extend_queries(query_key).float()
    keys = tokens.keys.float().transpose(1, 2)
    total = torch.zeros(keys.shape[0], keys.shape[2], device=keys.device)
    for chunk in torch.split(queries, 256, dim=1):
        total += torch.softmax(chunk @ keys, dim=-1).sum(1)
    return total / queries.shape[1]


def _pad(x: Tensor, width: int) -> Tensor:
    return F.pad(x, (0, width - x.shape[-1])) if x.shape[-1] < width else x
