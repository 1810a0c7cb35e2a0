"""The object that runs the network: it owns the device and every session's memory.

One thread uses it (`load`, `warm_up`, `compute`); `forget` may come from another. The memory of a
session is kept with its epoch and never survives it, so a reset cannot be overtaken by a picture
from before it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from server.errors import WorkerStartError, WorkerStepError
from server.masks import rle
from server.worker.components import find_polyps
from server.worker.memory_answer import Told
from server.worker.memory_pictures import KeptPicture, MemoryPictures
from server.worker.models import find_factory
from server.worker.protocol import Configure, ReadMemory, Result
from server.worker.scheduler import StepRequest

if TYPE_CHECKING:
    from sali_core.stream.model import ModelInfo, StreamModel
    from sali_core.types import StepResult

# Grey levels of the pictures a model is warmed up with.
_WARM_UP_LEVELS = (0, 128, 255)
NOBODY_ASKS: Mapping[str, ReadMemory] = MappingProxyType({})


@dataclass
class _Memory:
    """One session's memory and the epoch it belongs to."""

    epoch: int
    state: Any
    pictures: MemoryPictures = field(default_factory=MemoryPictures)


@dataclass(frozen=True)
class Computed:
    """A batch that the model is done with.

    `told` is what steps that were asked read from memory.
    """

    requests: tuple[StepRequest, ...]
    outputs: tuple[StepResult, ...]
    step_ms: float
    told: tuple[Told, ...] = ()


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

    def device_memory_bytes(self) -> int | None:
        """Return the GPU memory that torch holds for us; None without a GPU. Any thread may ask."""
        torch = sys.modules.get("torch")
        if torch is None or not self.info.device.startswith("cuda"):
            return None
        return int(torch.cuda.memory_reserved(self.info.device))

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

    def compute(
        self, requests: Sequence[StepRequest], questions: Mapping[str, ReadMemory] = NOBODY_ASKS
    ) -> Computed:
        """Compute one picture of each session.

        The pictures are handed to the model as they arrived, without a copy; bringing them to the
        device, all of a batch at once, is the model's part.

        Args:
            requests: Of different sessions, all of one size.
            questions: Of sessions whose steps are to tell what they read from memory. A model
                that can says so by methods `ask(state)` and `frames_held(state)`.

        Returns:
            One output for each request, in order; `finish` makes messages of them.

        Raises:
            WorkerStepError: The model failed; the memories of these sessions are emptied, because
                nobody knows what it left in them.
        """
        begin = time.perf_counter()
        try:
            memories = [self._memory(request) for request in requests]
            for memory, request in zip(memories, requests, strict=True):
                if request.session in questions and hasattr(self._model, "ask"):
                    self._model.ask(memory.state)
                if request.is_left_out and hasattr(self._model, "leave_out"):
                    self._model.leave_out(memory.state)
            pictures = [
                np.frombuffer(request.rgb, dtype=np.uint8).reshape(request.height, request.width, 3)
                for request in requests
            ]
            outputs = self._model.step_many([memory.state for memory in memories], pictures)
        except Exception as exc:
            for request in requests:
                self.forget(request.session)
            raise WorkerStepError(_one_line(exc)) from exc
        step_ms = (time.perf_counter() - begin) * 1e3
        told = []
        for memory, request, output in zip(memories, requests, outputs, strict=True):
            if request.session in questions:
                told.append(_tell(memory, questions[request.session], request, output))
            self._keep_picture(memory, request, output)
        return Computed(tuple(requests), tuple(outputs), step_ms, tuple(told))

    def _keep_picture(self, memory: _Memory, request: StepRequest, output: StepResult) -> None:
        """Keep a small copy of a frame that entered the model's memory."""
        number = getattr(output, "memory_frame", None)
        if number is None:
            return
        memory.pictures.keep(number, KeptPicture.of(request, output.mask))
        if memory.pictures.is_crowded:
            memory.pictures.retain(self._frames_held(memory.state))

    def _frames_held(self, state: Any) -> Sequence[int]:
        """Which frames a memory holds."""
        frames_held = getattr(self._model, "frames_held", None)
        return () if frames_held is None else frames_held(state)

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


def _tell(memory: _Memory, question: ReadMemory, request: StepRequest, output: StepResult) -> Told:
    """Put what a step read and the pictures of what it read together."""
    reading = getattr(output, "reading", None)
    pictures = () if reading is None else memory.pictures.of(reading.frames)
    return Told(question, request, reading, pictures)


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
