"""Runs SALI on the device at hand, as a `StreamModel`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from sali_core.config import MemoryConfig
from sali_core.engine.batched import BatchSegmenter, SlotState
from sali_core.engine.choice import EngineChoice, pick_engines, pick_precision
from sali_core.engine.device import pick_device
from sali_core.engine.gpu import start_on_gpu
from sali_core.engine.openvino import OpenVinoNetwork
from sali_core.errors import EngineError, ShapeError
from sali_core.model.build import Network
from sali_core.stream.masking import MaskRule
from sali_core.stream.model import ModelInfo
from sali_core.stream.segmenter import StreamNetwork, StreamSegmenter
from sali_core.stream.state import StreamState
from sali_core.types import StepResult
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network


class Engine:
    """SALI as a `StreamModel`: steps many streams through one network."""

    def __init__(self, segmenter: StreamSegmenter | BatchSegmenter, info: ModelInfo) -> None:
        """Bind what steps streams one by one (CPUs) or together (GPUs)."""
        self._segmenter: Any = segmenter
        self._info = info

    @property
    def info(self) -> ModelInfo:
        """What it is; the reason tells of batch sizes that could not be recorded."""
        failures = getattr(self._segmenter, "failures", [])
        reason = "; ".join([self._info.reason, *failures])
        return replace(self._info, reason=reason)

    def initial_state(self) -> StreamState | SlotState:
        """Return the state of a new stream."""
        state: StreamState | SlotState = self._segmenter.initial_state()
        return state

    def full_state(self) -> StreamState | SlotState:
        """Return a state with a full memory, to measure speed with."""
        state: StreamState | SlotState = self._segmenter.full_state()
        return state

    def prepare(self, streams: int) -> None:
        """Make ready to step up to `streams` streams together; slow on a GPU (`BatchSegmenter`)."""
        if isinstance(self._segmenter, BatchSegmenter):
            self._segmenter.prepare(streams)

    def ask(self, state: StreamState | SlotState) -> None:
        """Have the stream's next step tell what it reads from memory (`StepResult.reading`)."""
        self._segmenter.ask(state)

    def leave_out(self, state: StreamState | SlotState) -> None:
        """Have the stream's next frame not enter memory; a later one makes up for it."""
        self._segmenter.leave_out(state)

    def frames_held(self, state: StreamState | SlotState) -> tuple[int, ...]:
        """Return the numbers of the frames in a stream's memory, oldest first."""
        held: tuple[int, ...] = self._segmenter.frames_held(state)
        return held

    def step(self, state: StreamState | SlotState, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment the next frame of a stream; see `StreamSegmenter.step`."""
        result: StepResult = self._segmenter.step(state, rgb)
        return result

    def step_many(
        self,
        states: Sequence[StreamState | SlotState],
        frames: Sequence[npt.NDArray[np.uint8]],
    ) -> list[StepResult]:
        """Segment the next frame of each of several different streams.

        Args:
            states: One per stream, updated in place.
            frames: [H, W, 3] uint8 RGB each, of `info.input_size`.

        Raises:
            ShapeError: A frame does not fit, or there are not as many frames as states.
        """
        if isinstance(self._segmenter, BatchSegmenter):
            return self._segmenter.step_many(cast(Sequence[SlotState], states), frames)
        if len(states) != len(frames):
            raise ShapeError(f"{len(states)} states, but {len(frames)} frames")
        # One by one: a stream's result must not depend, to the bit, on who else is served.
        return [self.step(state, frame) for state, frame in zip(states, frames, strict=True)]


def create_engine(
    weights: str | Path, device: str = "auto", *, engine: str = "auto",
    precision: str = "auto", memory: MemoryConfig | None = None,
) -> Engine:  # fmt: skip
    """Load weights and pick the fastest engine for the device.

    Args:
        weights: A shipped name or a file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        engine: `auto`, `eager`, `openvino` (CPUs), `cuda-graphs`, `compiled` or `compiled-graphs`
            (GPUs).
        precision: `auto` (float32), `float32`, `bfloat16` (of GPUs, and OpenVINO's encoder), `tf32`
            or `float16` (of GPUs). Masks change with all but float32.
        memory: Bank size and write interval; the paper's by default.

    Raises:
        CheckpointError: The weights cannot be used.
        ConfigError: The device is not there, or the engine or precision cannot be used on it.
        EngineError: The engine asked for cannot run this network.
    """
    path = resolve_weights(weights)
    where = pick_device(device)
    network, header = load_network(path)
    size = header.config.input_size
    segmenter: StreamSegmenter | BatchSegmenter
    if where.type == "cuda":
        rule = MaskRule(header.threshold, header.peak_threshold)
        segmenter, choice, computes_in = start_on_gpu(
            network, where, engine, precision, memory=memory or MemoryConfig(), rule=rule
        )
    else:
        runner, choice, computes_in = _start_engine(network, where, engine, precision)
        segmenter = StreamSegmenter(
            runner,
            memory=memory or MemoryConfig(),
            threshold=header.threshold,
            peak_threshold=header.peak_threshold,
            device=where,
        )
    info = ModelInfo(
        name=header.name,
        threshold=header.threshold,
        input_size=(size, size),
        device=str(where),
        profile=header.profile,
        engine=choice.name,
        reason=choice.reason,
        precision=computes_in,
    )
    return Engine(segmenter, info)


def cache_folder() -> Path:
    """Return where graphs are kept between starts (XDG base directory specification)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "sali-live" / "openvino"


def _start_engine(
    network: Network, device: torch.device, wanted: str, precision: str
) -> tuple[StreamNetwork, EngineChoice, str]:
    """Start the first engine that runs: what runs it, which it is, its precision."""
    failure = ""
    for choice in pick_engines(device, network.config, wanted):
        computes_in = pick_precision(precision, choice.name, device)
        if choice.name == "eager":
            return network.to(device), choice._replace(reason=failure or choice.reason), computes_in
        try:
            runner = OpenVinoNetwork(network, cache_folder(), precision=computes_in)
        except (ImportError, EngineError) as exc:
            if wanted != "auto" or precision == "bfloat16":
                raise
            failure = str(exc)
        else:
            return runner, choice, computes_in
    raise EngineError(failure)
