"""Which device to use."""

from __future__ import annotations

import torch

from sali_core.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """Turn `cpu`, `cuda`, `cuda:N` or `auto` (a GPU where there is one) into a device.

    Raises:
        ConfigError: The name is no device, or that device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is unknown; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r} is not there; this machine has "
            f"{torch.cuda.device_count()} GPUs torch can use"
        )
    return device
