"""What a batch's step computes on the device: fixed shapes, static tensors, nothing waited for."""

from __future__ import annotations

import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.engine.batch_buffers import BatchBuffers
from sali_core.engine.dense_parts import DenseParts
from sali_core.engine.precision import allow_tf32, computing_in
from sali_core.memory.bank_pool import BankPool
from sali_core.memory.feature_pool import FeaturePool
from sali_core.model.decoder import resize
from sali_core.model.ragged import read_all, read_best
from sali_core.types import FeaturePyramid, Projection


class BatchStep:
    """Both halves of a step, `look` and `write`, each a function of a batch's buffers alone."""

    def __init__(
        self,
        config: ModelConfig,
        parts: DenseParts,
        banks: BankPool,
        features: FeaturePool,
        *,
        memory: MemoryConfig,
        threshold: float,
        device: torch.device,
        precision: str,
    ) -> None:
        """Bind the network and the memory of all streams; see `BatchSegmenter`."""
        self._config, self._parts, self._memory = config, parts, memory
        self._banks, self._features = banks, features
        self._threshold, self._device, self._precision = threshold, device, precision

    def look(self, buffers: BatchBuffers, widths: tuple[int, ...]) -> None:
        """Compute a batch's maps, and what it would leave in memory, from its input."""
        slots, is_fresh = buffers.slots, buffers.is_fresh
        with computing_in(self._precision, self._device):
            current = _floats(self._parts.encode(buffers.rgb))
            previous = self._features.exchange(slots, is_fresh, current)
            related = self._parts.relate(current, previous)
        long, query = self._read(buffers, related, widths)
        with computing_in(self._precision, self._device):
            scores, left = self._parts.decode(long, current, previous, query)
        logits = resize(scores.float(), (self._config.input_size,) * 2)[:, 0]
        probability = torch.sigmoid(logits)
        mask = probability >= self._threshold
        buffers.tell(logits, probability, mask)
        if left is not None:
            buffers.remembered.copy_(probability if self._memory.soft_masks else mask)
            for kept, new in zip((*buffers.memory.keys, *buffers.memory.values),
                                 (*left.keys, *left.values), strict=True):  # fmt: skip
                kept.copy_(new)

    def _read(
        self,
        buffers: BatchBuffers,
        related: Projection | FeaturePyramid,
        widths: tuple[int, ...],
    ) -> tuple[FeaturePyramid, Projection | None]:
        """F_long of every stream, and the query it came from; in float32."""
        if not isinstance(related, Projection):
            return _floats(related), None
        query = Projection(_floats(related.keys), _floats(related.values))
        with allow_tf32(False):
            self._banks.begin(buffers.slots, buffers.is_fresh, query)
            scales = [
                self._read_scale(scale, buffers.slots, width, query)
                for scale, width in enumerate(widths)
            ]
        buffers.received.copy_(torch.stack([received for _, received in scales]).mean(0))
        (fine, _), (middle, _), (coarse, _) = scales
        return (fine, middle, coarse), query

    def _read_scale(
        self, scale: int, slots: Tensor, width: int, query: Projection
    ) -> tuple[Tensor, Tensor]:
        key, value = query.keys[scale], query.values[scale]
        if self._config.top_tokens is None:
            tokens = self._banks.tokens(scale, slots, width)
            readout, received = read_all(tokens, key)
        else:
            places = self._banks.places(scale, slots, width)
            readout, received = read_best(places, key, self._config.top_tokens, self._parts.select)
        as_map = readout.transpose(1, 2).reshape(len(slots), -1, *value.shape[2:])
        return torch.cat((as_map, value), 1), received

    def write(self, buffers: BatchBuffers) -> None:
        """Write what a batch left into the banks."""
        self._banks.write(
            buffers.slots,
            buffers.is_due,
            buffers.numbers,
            buffers.memory,
            buffers.remembered,
            buffers.received,
        )


def _floats(maps: FeaturePyramid) -> FeaturePyramid:
    fine, middle, coarse = maps
    return fine.float(), middle.float(), coarse.float()
