"""The object that runs the network: it owns the device and every session's memory.

One thread uses it (`load`, `warm_up`, `compute`); `forget` may come from another. The memory of a
session is kept with its epoch and never survives it, so a reset cannot be overtaken by a picture
from before it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from server.errors import WorkerStartError, WorkerStepError
from server.masks import rle
from server.worker.components import find_polyps
from server.worker.models import find_factory
from server.worker.protocol import Configure, Result
from server.worker.scheduler import StepRequest

if TYPE_CHECKING:
    from sali_core.stream.model import ModelInfo, StreamModel
    from sali_core.types import StepResult

# Grey levels of the pictures a model is warmed up with.
_WARM_UP_LEVELS = (0, 128, 255)


@dataclass
class _Memory:
    """One session's memory and the epoch it belongs to."""

    epoch: int
    state: Any


@dataclass(frozen=True)
class Computed:
    """A batch that the model is done with: its outputs, and how long the model took."""

    requests: tuple[StepRequest, ...]
    outputs: tuple[StepResult, ...]
    step_ms: float


class Runner:
    """A model and the memories of its sessions."""

    def __init__(self, model: StreamModel) -> None:
        """Take a model that is loaded."""
        self._model = model
        self._memories: dict[str, _Memory] = {}

    @classmethod
    def load(cls, configuration: Configure) -> Runner:
        """Import the model's module and make the model; slow.

        Raises:
            WorkerStartError: The model cannot be imported or refuses its weights or device; the
                line is the model's own.
        """
        try:
            factory = find_factory(configuration.model)
            _set_threads(configuration.threads)
            return cls(factory(configuration.weights, configuration.device))
        except WorkerStartError:
            raise
        except Exception as exc:
            raise WorkerStartError(_one_line(exc)) from exc

    @property
    def info(self) -> ModelInfo:
        """What the model says of itself."""
        return self._model.info

    def warm_up(self) -> float:
        """Run a few pictures, so that the first real one is not slow; return the seconds it took.

        Raises:
            WorkerStartError: The model fails on this device.
        """
        begin = time.perf_counter()
        try:
            height, width = self.info.input_size
            state = self._model.initial_state()
            for level in _WARM_UP_LEVELS:
                self._model.step_many([state], [np.full((height, width, 3), level, np.uint8)])
        except Exception as exc:
            raise WorkerStartError(f"warming up failed: {_one_line(exc)}") from exc
        return time.perf_counter() - begin

    def forget(self, session: str) -> None:
        """Let go of a session's memory."""
        self._memories.pop(session, None)

    def fill_memory(self, session: str) -> bool:
        """Give a session a memory as full as it gets, to measure with.

        Returns:
            Whether the memory is full. A model that has a memory says how to fill it by a method
            `full_state() -> state`; without one its memory begins empty.

        Raises:
            WorkerStepError: The model failed, as it does where the device has no room for more.
        """
        full_state = getattr(self._model, "full_state", None)
        try:
            state = self._model.initial_state() if full_state is None else full_state()
        except Exception as exc:
            raise WorkerStepError(_one_line(exc)) from exc
        self._memories[session] = _Memory(0, state)
        return full_state is not None or state is None

    def prepare(self, batch: int) -> None:
        """Let the model make ready for batches of up to `batch` pictures; slow.

        A model that compiles or records its steps says how by a method `prepare(streams)`. Done
        in a step of a session, it would look like a hang.

        Raises:
            WorkerStepError: The model failed, as it does where the device has no room for more.
        """
        prepare = getattr(self._model, "prepare", None)
        try:
            if prepare is not None:
                prepare(batch)
        except Exception as exc:
            raise WorkerStepError(_one_line(exc)) from exc

    def compute(self, requests: Sequence[StepRequest]) -> Computed:
        """Compute one picture of each session.

        The pictures are handed to the model as they arrived, without a copy; bringing them to the
        device, all of a batch at once, is the model's part.

        Args:
            requests: Of different sessions, all of one size.

        Returns:
            One output for each request, in order; `finish` makes messages of them.

        Raises:
            WorkerStepError: The model failed; the memories of these sessions are emptied, because
                nobody knows what it left in them.
        """
        begin = time.perf_counter()
        try:
            states = [self._memory(request).state for request in requests]
            pictures = [
                np.frombuffer(request.rgb, dtype=np.uint8).reshape(request.height, request.width, 3)
                for request in requests
            ]
            outputs = self._model.step_many(states, pictures)
        except Exception as exc:
            for request in requests:
                self.forget(request.session)
            raise WorkerStepError(_one_line(exc)) from exc
        return Computed(tuple(requests), tuple(outputs), (time.perf_counter() - begin) * 1e3)

    def _memory(self, request: StepRequest) -> _Memory:
        """Return the memory of the request's session and epoch, an empty one if there is none."""
        memory = self._memories.get(request.session)
        if memory is None or memory.epoch != request.epoch:
            memory = _Memory(request.epoch, self._model.initial_state())
            self._memories[request.session] = memory
        return memory


def finish(computed: Computed) -> list[Result]:
    """Find the polyps of a computed batch and write its masks; any thread may do so.

    Returns:
        One result for each request, in order.
    """
    return [
        _result(request, output, computed)
        for request, output in zip(computed.requests, computed.outputs, strict=True)
    ]


def _result(request: StepRequest, output: StepResult, computed: Computed) -> Result:
    """Turn a model's output into a message."""
    regions = find_polyps(output.mask, output.probability)
    height, width = regions.mask.shape
    return Result(
        session=request.session,
        epoch=request.epoch,
        sequence=request.sequence,
        size=(height, width),
        counts=rle.encode(regions.mask),
        polyps=regions.polyps,
        step_ms=round(computed.step_ms, 2),
        batch=len(computed.requests),
    )


def _set_threads(threads: int) -> None:
    """Give the network's mathematics its threads; 0 takes every core but one.

    That one is for the video: decoding it, sending it and, on one machine, showing it.

    A model that does not use torch has not imported it, and is left alone.
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
