"""Segments clips offline, live fashion or as the authors of the released network do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import tee
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sali_core.config import MemoryConfig
from sali_core.data.resizing import resize_picture
from sali_core.engine import create_engine
from sali_core.engine.device import pick_device
from sali_core.errors import ConfigError
from sali_core.model.released.network import ReleasedNetwork
from sali_core.stream.model import ModelInfo, StreamModel
from sali_core.stream.reference import ReferenceSegmenter, require_released
from sali_core.stream.state import StreamState
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network
from server.clip_source import SourceFrame
from server.worker.models import find_factory

Mode = Literal["live", "reference"]
SALI = "sali"

# Sums round by the number of threads that share them; by 1e-6, which can swap a query's 20th and
# 21st token and move logits by 1e-3. One number for all machines keeps results comparable.
_REFERENCE_THREADS = 2


class MemoryUse(NamedTuple):
    """Tokens held at strides 8, 16, 32 and frames held, after a frame was dealt with."""

    token_counts: tuple[int, ...]
    frames_held: int


class Prediction(NamedTuple):
    """Logits and probability [H, W] float32 at model size; None for memory that is not SALI's."""

    logits: npt.NDArray[np.float32]
    probability: npt.NDArray[np.float32]
    memory: MemoryUse | None


class PredictedFrame(NamedTuple):
    """A frame's result, its picture's (height, width), and how long the network took."""

    stem: str
    prediction: Prediction
    size: tuple[int, int]
    step_ms: float


@dataclass(frozen=True)
class Predictor:
    """A network and the mode it is run in.

    Attributes:
        info: What the network says of itself.
        segment: Frames of one clip, at `info.input_size`, to their results in the same order.
    """

    info: ModelInfo
    segment: Callable[[Iterable[npt.NDArray[np.uint8]]], Iterator[Prediction]]

    def predict(self, frames: Iterable[SourceFrame]) -> Iterator[PredictedFrame]:
        """Yield the result of every frame of one clip; at most two pictures are held at a time."""
        shown, read = tee(frames)
        pictures = _Pictures(read, self.info.input_size)
        results = self.segment(pictures)
        for frame in shown:
            started, read_before = time.perf_counter(), pictures.seconds
            prediction = next(results)
            busy = time.perf_counter() - started - (pictures.seconds - read_before)
            height, width = frame.rgb.shape[:2]
            yield PredictedFrame(frame.stem, prediction, (height, width), busy * 1e3)


def create_predictor(
    weights: str, device: str, *, mode: Mode = "live", model: str = SALI,
    write_every_frames: int | None = None,
) -> Predictor:  # fmt: skip
    """Load a network for one of the modes.

    Args:
        weights: A shipped name or a file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        mode: `live`: any model, frame by frame. `reference`: weights of the `released` topology,
            each frame paired with the next one.
        model: What runs the weights (`server.worker.models`).
        write_every_frames: A frame enters memory every so many; None for the default.

    Raises:
        ConfigError: The options do not go together.
        CheckpointError: The weights cannot be used.
        WorkerStartError: There is no such model.
    """
    if model != SALI:
        if write_every_frames is not None or mode == "reference":
            raise ConfigError(
                f"--write-every and --mode reference are for model {SALI!r}, not for {model!r}"
            )
        return _live(find_factory(model)(weights, device))
    memory = MemoryConfig()
    if write_every_frames is not None:
        memory = MemoryConfig(write_every_frames=write_every_frames)
    if mode == "live":
        return _live(create_engine(weights, device, memory=memory))
    return _reference(weights, device, memory)


class _Pictures(Iterator[npt.NDArray[np.uint8]]):
    """Pictures at the network's input size; counts the seconds that reading and resizing took."""

    def __init__(self, frames: Iterator[SourceFrame], size: tuple[int, int]) -> None:
        self._frames = frames
        self._size = size
        self.seconds = 0.0

    def __next__(self) -> npt.NDArray[np.uint8]:
        started = time.perf_counter()
        try:
            return resize_picture(next(self._frames).rgb, self._size)
        finally:
            self.seconds += time.perf_counter() - started


def _live(model: StreamModel) -> Predictor:
    def segment(frames: Iterable[npt.NDArray[np.uint8]]) -> Iterator[Prediction]:
        state = model.initial_state()
        for frame in frames:
            result = model.step(state, frame)
            yield Prediction(result.logits, result.probability, _memory_of(state))

    return Predictor(model.info, segment)


def _memory_of(state: object) -> MemoryUse | None:
    if not isinstance(state, StreamState):
        return None
    if not len(state.bank):
        return MemoryUse((0, 0, 0), 0)
    return MemoryUse(tuple(t.keys.shape[1] for t in state.bank.tokens), len(state.bank))


def _reference(weights: str, device: str, memory: MemoryConfig) -> Predictor:
    where = pick_device(device)
    network, header = load_network(resolve_weights(weights))
    require_released(header.config, weights)
    if not isinstance(network, ReleasedNetwork):
        raise ConfigError(f"{weights}: topology 'released' without the released network")
    segmenter = ReferenceSegmenter(network.to(where), memory=memory, device=where)

    def segment(frames: Iterable[npt.NDArray[np.uint8]]) -> Iterator[Prediction]:
        threads = torch.get_num_threads()
        torch.set_num_threads(_REFERENCE_THREADS)
        try:
            for result in segmenter.segment(frames):
                use = MemoryUse(result.token_counts, result.frames_held)
                yield Prediction(result.logits, result.probability, use)
        finally:
            torch.set_num_threads(threads)

    size = (header.config.input_size,) * 2
    info = ModelInfo(
        header.name, header.threshold, size, str(where), header.profile, "eager",
        "the reference mode has no other",
    )  # fmt: skip
    return Predictor(info, segment)
