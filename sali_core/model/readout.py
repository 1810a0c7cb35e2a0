"""Long-term interaction module: masked attention over the memory bank (Eq. 3), pure functions.

For query cell j with key q_j and memory cell i with masked key k_i = K_M[i] * P_M[i]:

    s_ij = -||q_j - k_i||^2 / sqrt(Ck)  ==  (2 <k_i, q_j> - ||k_i||^2) / sqrt(Ck)

up to ||q_j||^2, which is the same for all i and drops out of the softmax over i. With extended
keys (k_i, -||k_i||^2 / sqrt(Ck)) and queries (2 q_j / sqrt(Ck), 1) the score is a plain inner
product, so a fused attention kernel computes the read.

A cell with P_M[i] = 0 has the key 0 and scores 0 against every query. All n such cells together
act as ONE token: key 0, value the mean of theirs, and log(n) added to its score. That is exact.

Soft masks have no cells of exactly 0; cells with P_M[i] <= tau may be collapsed all the same. Each
of them then scores 0 instead of s_ij. With K the longest unmasked key among them and Q = ||q_j||

    |s_ij|               <=  delta = (2 tau K Q + tau^2 K^2) / sqrt(Ck)
    |readout_j error|    <=  tanh(delta / 2) * (max_i v_i - min_i v_i)        per value channel

because the weights of the softmax change by factors within [exp(-delta), exp(delta)], which moves
at most tanh(delta / 2) of its mass (`collapse_bound`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.errors import EmptyMemoryError, ShapeError
from sali_core.model.nearest import NearestKeys
from sali_core.model.selection import largest

# Scores computed at once where they are written out: 1 MB stays near a processor's core, and of a
# full bank not too few rows; a GPU wants more work at a time.
_SCORES_ON_CPU, _ROWS_ON_CPU = 2**18, 32
_SCORES_ELSEWHERE = 2**26


class MemoryTokens(NamedTuple):
    """Tokens of one scale, ready to read.

    Attributes:
        keys: [B, N, Ck + 1] extended keys: masked key, then the score's constant part; or [B, N,
            Cv], the same followed by zeros, as the fused attention kernel wants them.
        values: [B, N, Cv].
        nearest: Index of the keys, for reads of the best tokens on CPUs, batch 1; without one
            all tokens are scored.
    """

    keys: Tensor
    values: Tensor
    nearest: NearestKeys | None = None


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


def read_memory(
    tokens: MemoryTokens, query_key: Tensor, query_value: Tensor, *, top_tokens: int | None = None
) -> Tensor:
    """Read one scale's memory: F_long = concat(sum_i a_ij v_i, V_Q), a = softmax over i.

    Args:
        tokens: N >= 1 tokens.
        query_key: K_Q, [B, Ck, h, w].
        query_value: V_Q, [B, Cv, h, w].
        top_tokens: Each cell reads only its so many best tokens (`released`); None reads all.

    Returns:
        F_long, [B, 2 * Cv, h, w].

    Raises:
        EmptyMemoryError: There is no token; a first frame reads itself (`dense_tokens`).
        ShapeError: Key sizes disagree.
    """
    if tokens.keys.shape[1] == 0:
        raise EmptyMemoryError("the memory holds no token; the first frame must read itself")
    if tokens.keys.shape[-1] not in (query_key.shape[1] + 1, tokens.values.shape[-1]):
        raise ShapeError(
            f"memory keys have {tokens.keys.shape[-1] - 1} channels, the query {query_key.shape[1]}"
        )
    queries = extend_queries(query_key)
    if top_tokens is not None:
        readout = _read_top(tokens, queries, top_tokens)
        return torch.cat((_as_map(readout, query_value), query_value), 1)
    # The fused CPU kernel wants equal key and value sizes; zero channels change nothing.
    width = max(queries.shape[-1], tokens.values.shape[-1])
    readout = F.scaled_dot_product_attention(
        _pad(queries, width)[:, None],
        _pad(tokens.keys, width)[:, None],
        _pad(tokens.values, width)[:, None],
        scale=1.0,
    )[:, 0, :, : tokens.values.shape[-1]]
    return torch.cat((_as_map(readout, query_value), query_value), 1)


def top_affinity(scores: Tensor, top_tokens: int) -> tuple[Tensor, Tensor]:
    """Softmax over each row's largest scores.

    Args:
        scores: [..., N].
        top_tokens: K' = min(top_tokens, N) of them count.

    Returns:
        weights: [..., K'], and places: [..., K'] of those tokens.
    """
    best, places = torch.topk(scores, min(top_tokens, scores.shape[-1]), dim=-1)
    return torch.softmax(best, dim=-1), places


def attention_received(
    tokens: MemoryTokens, query_key: Tensor, *, top_tokens: int | None
) -> Tensor:
    """Mean over query cells of the attention each token receives in a read.

    Of a read of all tokens (`top_tokens` None) scores are written out, some rows at a time: that is
    for who wants to know it token by token (`attention_by_frame` is faster).

    Returns:
        [B, N] float32; sums to 1 over N.

    Raises:
        EmptyMemoryError: There is no token.
    """
    if tokens.keys.shape[1] == 0:
        raise EmptyMemoryError("the memory holds no token to receive attention")
    queries = extend_queries(query_key).float()
    total = tokens.keys.new_zeros(tokens.keys.shape[:2], dtype=torch.float32)
    if top_tokens is None:
        keys = tokens.keys[..., : queries.shape[-1]].float().transpose(1, 2)
        for chunk in torch.split(queries, _rows_at_once(tokens), dim=1):
            total += torch.softmax(chunk @ keys, dim=-1).sum(1)
        return total / queries.shape[1]
    for weights, places in _best(tokens, queries, top_tokens):
        total.scatter_add_(1, places.flatten(1), weights.flatten(1).float())
    return total / queries.shape[1]


def attention_by_frame(tokens: MemoryTokens, query_key: Tensor, shares: Tensor) -> Tensor:
    """Mean over query cells of the attention each memory frame receives in a read of all tokens.

    It is the read of values that say to which frame a token belongs, so scores are not written out.

    Args:
        tokens: Batch 1, N >= 1 tokens.
        query_key: K_Q, [1, Ck, h, w].
        shares: [N, F], by how much each token belongs to each frame; rows sum to 1.

    Returns:
        [F] float32; sums to 1.

    Raises:
        EmptyMemoryError: There is no token.
    """
    if tokens.keys.shape[1] == 0:
        raise EmptyMemoryError("the memory holds no token to receive attention")
    queries = extend_queries(query_key).float()
    keys = tokens.keys[..., : queries.shape[-1]].float()
    # Widths that are multiples of four are the kernel's fast ones.
    width = -(-max(queries.shape[-1], shares.shape[1]) // 4) * 4
    received = F.scaled_dot_product_attention(
        _pad(queries, width)[:, None],
        _pad(keys, width)[:, None],
        _pad(shares, width)[None, None],
        scale=1.0,
    )
    return received[0, 0, :, : shares.shape[1]].mean(0)


def collapse_bound(
    tau: float, longest_key: float, longest_query: float, key_channels: int
) -> float:
    """Return the largest share of attention that collapsing cells with P_M <= tau can move.

    The error of a readout channel is at most this times the range of the stored values.

    Args:
        tau: Threshold on the remembered mask, in [0, 1).
        longest_key: K, largest norm of the unmasked keys of those cells.
        longest_query: Q, largest norm of a query.
        key_channels: Ck.
    """
    delta = (2 * tau * longest_key * longest_query + (tau * longest_key) ** 2) / key_channels**0.5
    return math.tanh(delta / 2)


def _read_top(tokens: MemoryTokens, queries: Tensor, top_tokens: int) -> Tensor:
    """Read with each cell's best tokens: [B, M, Cv]."""
    parts = []
    for weights, places in _best(tokens, queries, top_tokens):
        wanted = places.flatten(1)[..., None].expand(-1, -1, tokens.values.shape[-1])
        values = tokens.values.gather(1, wanted).view(*places.shape, -1)
        parts.append((weights[..., None] * values).sum(2))
    return torch.cat(parts, 1)


def _best(
    tokens: MemoryTokens, queries: Tensor, top_tokens: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Weights and places [B, m, K'] of the best tokens, for some cells at a time, in order."""
    keys = tokens.keys[..., : queries.shape[-1]].to(queries.dtype)
    if tokens.nearest is not None:
        # Queries are extended: (2 q / sqrt(Ck), 1).
        half = (queries.shape[-1] - 1) ** 0.5 / 2
        places = tokens.nearest.find(queries[0, :, :-1] * half, top_tokens)
        scores = (keys[0, places] @ queries[0, :, :, None])[None, ..., 0]
        yield torch.softmax(scores, dim=-1), places[None]
        return
    keys = keys.transpose(1, 2)
    for chunk in torch.split(queries, _rows_at_once(tokens), dim=1):
        best, places = largest(chunk @ keys, top_tokens)
        yield torch.softmax(best, dim=-1), places


def _rows_at_once(tokens: MemoryTokens) -> int:
    """Query cells whose scores are computed together."""
    if torch.compiler.is_compiling():
        return 256  # N may stand for any number and must not shape the graph
    on_cpu = tokens.keys.device.type == "cpu"
    scores = _SCORES_ON_CPU if on_cpu else _SCORES_ELSEWHERE
    return max(_ROWS_ON_CPU, scores // (tokens.keys.shape[0] * tokens.keys.shape[1]))


def _as_map(readout: Tensor, like: Tensor) -> Tensor:
    """Turn [B, h * w, Cv] into [B, Cv, h, w]."""
    return readout.transpose(1, 2).reshape(like.shape[0], -1, *like.shape[2:])


def _pad(x: Tensor, width: int) -> Tensor:
    return F.pad(x, (0, width - x.shape[-1])) if x.shape[-1] < width else x
