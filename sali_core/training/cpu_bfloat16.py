"""bfloat16 on CPUs: one kind of convolution is better left in float32.

The backward pass of a strided depthwise convolution in bfloat16 has no fast kernel on CPUs: a step
of the small network (8 pictures of 352 x 352, two cores with AMX) took 1.22 s with it and 0.93 s
with these convolutions in float32; 1.34 s all in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def keep_strided_depthwise_float32(module: nn.Module) -> int:
    """Let every strided depthwise convolution of a module compute in float32 under autocast.

    Returns:
        How many there are.
    """
    found = [
        child
        for child in module.modules()
        if isinstance(child, nn.Conv2d) and child.groups > 1 and max(child.stride) > 1
    ]
    for conv in found:
        _wrap(conv)
    return len(found)


def _wrap(conv: nn.Conv2d) -> None:
    plain: Callable[[Tensor], Tensor] = conv.forward

    def forward(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return plain(x.float()).to(x.dtype)

    # Set on the instance: the names of its parameters stay.
    setattr(conv, "forward", forward)  # noqa: B010
