"""What a network computes in on a GPU: told explicitly, whatever torch's defaults are.

float32   as written; TF32 off for products and convolutions (torch leaves it on for the latter)
tf32      products and convolutions of the dense parts with 10 bits of mantissa
bfloat16  autocast of the dense parts; deformable convolution, reads and logits stay float32
float16   the same with float16
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}
GPU_PRECISIONS = ("float32", "tf32", *_AUTOCAST)


@contextlib.contextmanager
def computing_in(precision: str, device: torch.device) -> Iterator[None]:
    """Compute in a precision of `GPU_PRECISIONS`; settings of the process return afterwards."""
    lower = _AUTOCAST.get(precision)
    # Cached casts would be freed memory to a captured graph; every weight is used once anyway.
    autocast = torch.autocast(device.type, lower, enabled=lower is not None, cache_enabled=False)
    with allow_tf32(precision == "tf32"), autocast:
        yield


@contextlib.contextmanager
def allow_tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32; shapes are fixed, so cuDNN may look for its fastest kernels."""
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = allowed, allowed, True
    try:
        yield
    finally:
        products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
