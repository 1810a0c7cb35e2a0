"""The object that runs the network: it owns the device and every session's memory.

One thread uses it (`load`, `warm_up`, `run`); `forget` may come from another. The memory of a
session is kept with its epoch and never survives it, so a reset cannot be overtaken by a picture
from before it.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from server.errors import WorkerStartError, WorkerStepError
from server.masks import rle
from server.worker.components import find_polyps
from server.worker.protocol import Configure, Result
from server.worker.scheduler import StepRequest


class EngineInfo(Protocol):
    """What an engine says of itself; `input_size` is [height, width]."""

    @property
    def name(self) -> str:
        """Name of the weights."""

    @property
    def profile(self) -> str:
        """Profile of the network."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def engine(self) -> str:
        """How it runs."""

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is in the mask."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of a picture."""


class StepOutput(Protocol):
    """What an engine gives for one picture."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[H, W], bool."""

    @property
    def probability(self) -> NDArray[np.float32]:
        """[H, W], float32."""


class Engine(Protocol):
    """A network made ready; `sali_core.engine` makes one."""

    @property
    def info(self) -> EngineInfo:
        """What it is."""

    def initial_state(self) -> Any:
        """Return an empty memory."""

    def step(
        self, states: Sequence[Any], frames: Sequence[NDArray[np.uint8]]
    ) -> Sequence[StepOutput]:
        """Compute one picture [H, W, 3] of each stream and update its memory in place."""

    def warm_up(self) -> None:
        """Make the next step as fast as later ones."""


EngineFactory = Callable[[str, str], Engine]


@dataclass
class _Memory:
    """One session's memory and the epoch it belongs to."""

    epoch: int
    state: Any


class Runner:
    """An engine and the memories of its sessions."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine that is loaded."""
        self._engine = engine
        self._memories: dict[str, _Memory] = {}

    @classmethod
    def load(cls, configuration: Configure) -> Runner:
        """Import the engine's module and make the engine; slow.

        Raises:
            WorkerStartError: The engine cannot be imported or refuses its weights or device; the
                line is the engine's own.
        """
        try:
            factory = _import_factory(configuration.engine)
            _set_threads(configuration.threads)
            return cls(factory(configuration.weights, configuration.device))
        except Exception as exc:
            raise WorkerStartError(_one_line(exc)) from exc

    @property
    def info(self) -> EngineInfo:
        """What the engine says of itself."""
        return self._engine.info

    def warm_up(self) -> float:
        """Warm the engine up; return the seconds it took.

        Raises:
            WorkerStartError: The engine fails on this device.
        """
        begin = time.perf_counter()
        try:
            self._engine.warm_up()
        except Exception as exc:
            raise WorkerStartError(f"warming up failed: {_one_line(exc)}") from exc
        return time.perf_counter() - begin

    def forget(self, session: str) -> None:
        """Let go of a session's memory."""
        self._memories.pop(session, None)

    def run(self, requests: Sequence[StepRequest]) -> list[Result]:
        """Compute one picture of each session.

        Args:
            requests: Of different sessions, all of one size.

        Returns:
            One result for each request, in order.

        Raises:
            WorkerStepError: The engine failed; the memories of these sessions are emptied, because
                nobody knows what it left in them.
        """
        begin = time.perf_counter()
        try:
            states = [self._memory(request).state for request in requests]
            pictures = [
                np.frombuffer(request.rgb, dtype=np.uint8).reshape(request.height, request.width, 3)
                for request in requests
            ]
            outputs = self._engine.step(states, pictures)
        except Exception as exc:
            for request in requests:
                self.forget(request.session)
            raise WorkerStepError(_one_line(exc)) from exc
        step_ms = round((time.perf_counter() - begin) * 1e3, 2)
        return [
            _result(request, output, step_ms, len(requests))
            for request, output in zip(requests, outputs, strict=True)
        ]

    def _memory(self, request: StepRequest) -> _Memory:
        """Return the memory of the request's session and epoch, an empty one if there is none."""
        memory = self._memories.get(request.session)
        if memory is None or memory.epoch != request.epoch:
            memory = _Memory(request.epoch, self._engine.initial_state())
            self._memories[request.session] = memory
        return memory


def _result(request: StepRequest, output: StepOutput, step_ms: float, batch: int) -> Result:
    """Turn an engine's output into a message."""
    regions = find_polyps(output.mask, output.probability)
    height, width = regions.mask.shape
    return Result(
        session=request.session,
        epoch=request.epoch,
        sequence=request.sequence,
        size=(height, width),
        counts=rle.encode(regions.mask),
        polyps=regions.polyps,
        step_ms=step_ms,
        batch=batch,
    )


def _import_factory(name: str) -> EngineFactory:
    """Import `module:function`."""
    module_name, _, function_name = name.partition(":")
    factory: EngineFactory = getattr(importlib.import_module(module_name), function_name)
    return factory


def _set_threads(threads: int) -> None:
    """Give the network's mathematics its threads; 0 takes every core but one.

    That one is for the video: decoding it, sending it and, on one machine, showing it.

    An engine that does not use torch has not imported it, and is left alone.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) - 1))


def _one_line(exc: Exception) -> str:
    """Return the first line of an error, with its type unless it is made for people."""
    lines = str(exc).strip().splitlines()
    first = lines[0] if lines else ""
    has_own_words = any(base.__name__ in ("SaliError", "ServiceError") for base in type(exc).mro())
    return first if has_own_words and first else f"{type(exc).__name__}: {first}"
