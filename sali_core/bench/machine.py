"""What a figure was measured on: date, hardware, versions, command."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("sali-live", "torch", "torchvision", "timm", "openvino", "onnxruntime", "numpy",
             "aiortc", "av")  # fmt: skip
# Instructions that decide how fast a CPU multiplies matrices, as /proc/cpuinfo names them.
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
          "amx_int8", "neon", "asimd", "bf16", "sve")  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """Where and when.

    Attributes:
        date: UTC, ISO 8601, to the minute.
        command: What was typed.
        cpu: Model name.
        cores: Processors this process may use.
        threads: Of torch.
        cpu_flags: Of `_FLAGS`, those it has.
        memory_gib: Of the machine.
        load_before: Processes that were waiting for a core, on average over the last minute.
        gpu: Name, memory and size where a GPU was measured; else None.
        versions: Of Python and the packages that matter.
    """

    date: str
    command: str
    cpu: str
    cores: int
    threads: int
    cpu_flags: tuple[str, ...]
    memory_gib: float | None
    load_before: float | None
    gpu: str | None
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def describe_machine(device: torch.device, command: Sequence[str]) -> Machine:
    """Look at the machine.

    Args:
        device: What is measured; a GPU is described only if it is one.
        command: Program and arguments.
    """
    model, flags = _cpu()
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="minutes"),
        command=shlex.join(command),
        cpu=model,
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        cpu_flags=tuple(flag for flag in _FLAGS if flag in flags),
        memory_gib=_memory_gib(),
        load_before=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        gpu=_gpu(device) if device.type == "cuda" else None,
        versions={"python": platform.python_version()} | _versions(),
    )


def _cpu() -> tuple[str, frozenset[str]]:
    """Model name and flags, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    facts = dict(reversed([[part.strip() for part in line.split(":", 1)]
                           for line in lines if ":" in line]))  # fmt: skip
    flags = facts.get("flags") or facts.get("Features") or ""
    return facts.get("model name", platform.machine()), frozenset(flags.split())


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _gpu(device: torch.device) -> str:
    facts = torch.cuda.get_device_properties(device)
    return (
        f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, "
        f"{facts.multi_processor_count} multiprocessors, CUDA {torch.version.cuda}"
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
