"""Starts a network on a GPU: the batched step, recorded, compiled, both or as it is."""

from __future__ import annotations

import torch

from sali_core.config import MemoryConfig
from sali_core.engine.batched import BatchSegmenter
from sali_core.engine.choice import EngineChoice, pick_engines, pick_precision
from sali_core.engine.cuda_graphs import GraphCapture, run_directly
from sali_core.engine.dense_parts import split_batched
from sali_core.errors import EngineError
from sali_core.memory.bank_pool import BankPool
from sali_core.model.build import Network
from sali_core.stream.masking import MaskRule

_MOST_SLOTS = 288
"""The most sessions the service counts, and those that are measured beside them."""
_SHARE_OF_MEMORY = 0.25


def start_on_gpu(
    network: Network,
    device: torch.device,
    wanted: str,
    precision: str,
    *,
    memory: MemoryConfig,
    rule: MaskRule,
) -> tuple[BatchSegmenter, EngineChoice, str]:
    """Start the first engine that runs; return it with its name, reason and precision.

    Raises:
        ConfigError: No such engine or precision on a GPU.
        EngineError: None runs; the text says why.
    """
    network = network.to(device)
    failure = ""
    for choice in pick_engines(device, network.config, wanted):
        computes_in = pick_precision(precision, choice.name, device)
        segmenter = BatchSegmenter(
            network.config,
            split_batched(network, compiled=choice.name.startswith("compiled")),
            memory=memory,
            rule=rule,
            device=device,
            slots=count_slots(network, memory, device),
            precision=computes_in,
            capture=GraphCapture(device) if choice.name.endswith("graphs") else run_directly,
        )
        try:
            segmenter.prepare(1)
        except RuntimeError as exc:
            failure = (
                f"{choice.name} cannot run: {(str(exc).strip().splitlines() or [repr(exc)])[0]}"
            )
            continue
        if not segmenter.failures:
            return segmenter, choice._replace(reason=failure or choice.reason), computes_in
        failure = segmenter.failures[0]
    raise EngineError(failure)


def count_slots(network: Network, memory: MemoryConfig, device: torch.device) -> int:
    """Streams there is room for in a quarter of the GPU's free memory.

    Raises:
        EngineError: Not even one.
    """
    free, _ = torch.cuda.mem_get_info(device)
    # f_{t-1} takes as much as a frame of 32 channels; banks far more.
    one = BankPool.slot_bytes(network.config, memory) + 2**20
    slots = min(_MOST_SLOTS, int(free * _SHARE_OF_MEMORY) // one)
    if slots < 1:
        raise EngineError(
            f"{str(device)!r} has {free / 2**20:.0f} MiB of memory free, too little for one "
            f"stream's bank ({one / 2**20:.0f} MiB in a quarter of it)"
        )
    return slots
