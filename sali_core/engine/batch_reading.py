"""What streams of a batch read from memory, for whoever asks: by frame, not by cell.

The step knows already how much attention each memory frame received, since eviction asks for it.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from sali_core.engine.batch_buffers import BatchBuffers, Row
from sali_core.memory.bank_pool import BankPool
from sali_core.types import MemoryReading, StepResult


class BatchShares(NamedTuple):
    """Copies of the banks' frame numbers and of what each frame received, both [B, F]."""

    numbers: Tensor
    received: Tensor


def copy_shares(banks: BankPool, buffers: BatchBuffers) -> BatchShares:
    """Keep what a batch read, between `look` and `remember`; waits for nothing."""
    return BatchShares(banks.numbers(buffers.slots), buffers.received.clone())


def with_memory(
    result: StepResult, row: Row, place: int, shares: BatchShares | None, *, is_asked: bool
) -> StepResult:
    """Add what a frame left in memory and, where asked for, what it read from it.

    Args:
        result: Of the frame.
        row: What the step was told of it.
        place: Its row in the batch.
        shares: Of the batch; None if nobody asked, or there is no memory.
        is_asked: Whether this stream is asked.
    """
    result = result._replace(memory_frame=row.number if row.is_due else None)
    if not is_asked:
        return result
    # The bank of a new stream was lent its own frame.
    if shares is None or row.is_fresh:
        return result._replace(reading=MemoryReading())
    numbers, received = shares.numbers[place].cpu(), shares.received[place].cpu()
    order = numbers.argsort()[int((numbers < 0).sum()) :]
    frames = tuple(numbers[order].tolist())
    return result._replace(reading=MemoryReading(frames, received[order].float().numpy()))
