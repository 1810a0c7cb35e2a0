"""What the device can do at most: its measured rate of matrix products and its bandwidth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sali_core.bench.timing import Deadline, timed

_MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}
# Far more than any cache holds.
_COPY_BYTES = {"cpu": 512 * 2**20, "cuda": 4 * 2**30}
_LEAST_ROUNDS = 3


@dataclass(frozen=True)
class DeviceLimits:
    """Best of several rounds.

    Attributes:
        precision: Of the matrix product, as `float32`.
        matrix_tflops: 10^12 operations a second of a large square product.
        bandwidth_gbs: 10^9 bytes a second of a large copy, read and written bytes counted.
    """

    precision: str
    matrix_tflops: float
    bandwidth_gbs: float


def measure_limits(
    device: torch.device, dtype: torch.dtype = torch.float32, seconds: float = 3.0
) -> DeviceLimits:
    """Measure a device.

    Args:
        device: CPU or GPU.
        dtype: Of the matrix product. TF32 is used for float32 only where torch is set so.
        seconds: Time to spend, about; three rounds of each are made however long they take.
    """
    deadline = Deadline(seconds)
    side = _MATRIX_SIDE.get(device.type, 2048)
    a = torch.randn(side, side, device=device).to(dtype)
    b = torch.randn(side, side, device=device).to(dtype)
    product_ms = _best_ms(lambda: a @ b, device, deadline.part(0.5))
    source = torch.ones(_COPY_BYTES.get(device.type, 512 * 2**20), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_ms = _best_ms(lambda: target.copy_(source), device, deadline)
    return DeviceLimits(
        precision=str(dtype).removeprefix("torch."),
        matrix_tflops=round(2 * side**3 / product_ms / 1e9, 3),
        bandwidth_gbs=round(2 * source.numel() / copy_ms / 1e6, 2),
    )


def _best_ms(function: Callable[[], object], device: torch.device, deadline: Deadline) -> float:
    timed(function, device)  # pages are touched, kernels are picked
    rounds, best = 0, float("inf")
    while rounds < _LEAST_ROUNDS or not deadline.has_passed:
        best = min(best, timed(function, device)[1])
        rounds += 1
    return best
