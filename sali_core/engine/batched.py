"""Steps many streams as one batch: the engine of GPUs (ADR 0008).

A step of B streams, padded to a bucket, is

    one copy in        frames and what is told of them, from pinned memory
    look               encode, f_{t-1} from its pool, relate, read all banks, decode, threshold
    remember           where a frame enters a bank; on the device, without its results
    one copy out       logits, probability, mask

`look` and `remember` work on static tensors of a bucket, have fixed shapes and never wait, so they
can be recorded (`cuda_graphs`). The host waits once, for the results.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.engine.batch_buffers import BatchBuffers, Row
from sali_core.engine.batch_reading import copy_shares, with_memory
from sali_core.engine.batch_step import BatchStep
from sali_core.engine.cuda_graphs import Capture, run_directly
from sali_core.engine.dense_parts import DenseParts
from sali_core.errors import ShapeError
from sali_core.memory.bank_pool import BankPool
from sali_core.memory.feature_pool import FeaturePool
from sali_core.stream.frames import check_frame
from sali_core.stream.masking import MaskRule
from sali_core.stream.memory_turn import take_turn
from sali_core.types import StepResult

BUCKETS = (1, 2, 4, 8, 16, 32, 64)
# Share of a measured frame that is polyp.
_FOREGROUND = 0.1

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class SlotState:
    """A stream: its place in the pools, given back when nobody holds this any more.

    Attributes:
        slot: Of the pools.
        mask: Mask of frame t-1, [H, W] bool on the CPU, where the mask rule asks for it.
        frames_seen: Frames stepped so far.
        is_asked: Whether the next step also tells what it reads from the bank.
        is_left_out: Whether the next frame is not to enter the bank.
        owes_frame: Whether a due frame was left out, and none entered since.
    """

    slot: int
    mask: Tensor | None = None
    frames_seen: int = 0
    is_asked: bool = False
    is_left_out: bool = False
    owes_frame: bool = False


class _Bucket:
    """Batches of one size: their buffers, and what runs on them."""

    def __init__(self, buffers: BatchBuffers) -> None:
        self.buffers = buffers
        self.look: list[Callable[[], None]] = []
        self.remember: Callable[[], None] | None = None


class BatchSegmenter:
    """Steps streams through one network, together; owns their memory. For one thread at a time."""

    def __init__(
        self,
        config: ModelConfig,
        parts: DenseParts,
        *,
        memory: MemoryConfig,
        rule: MaskRule,
        device: torch.device,
        slots: int,
        precision: str = "float32",
        capture: Capture = run_directly,
    ) -> None:
        """Allocate the memory of all streams.

        Args:
            config: Of the network.
            parts: The network, on the device.
            memory: Bank size and write interval.
            rule: Fixed thresholds of the mask.
            device: Where everything is; a CPU serves for tests.
            slots: Streams at once.
            precision: Of the dense parts, see `sali_core.engine.precision`.
            capture: Records what a bucket runs; where it fails, that bucket runs directly.
        """
        self._config, self._memory, self._rule = config, memory, rule
        self._device, self._capture = device, capture
        self._banks = BankPool(config, memory, slots=slots, device=device)
        self._features = FeaturePool(config, slots=slots, device=device)
        self._step = BatchStep(
            config, parts, self._banks, self._features,
            memory=memory, threshold=rule.threshold, device=device, precision=precision,
        )  # fmt: skip
        self._buckets: dict[int, _Bucket] = {}
        pinned = device.type == "cuda"
        self._totals = torch.zeros(self._banks.totals.shape, dtype=torch.int64, pin_memory=pinned)
        # Events, since waiting for them is no wait that torch's sync debug mode would report.
        self._written, self._done = (_event() if pinned else None for _ in range(2))
        self.failures: list[str] = []
        """Why buckets run without being recorded."""

    def initial_state(self) -> SlotState:
        """Return the state of a stream that has seen nothing.

        Raises:
            EngineError: The device holds as many streams as it has room for.
        """
        state = SlotState(self._banks.acquire())
        weakref.finalize(state, self._banks.release, state.slot)
        return state

    @torch.inference_mode()
    def full_state(self) -> SlotState:
        """Return a state with a full bank, to measure speed with (`StreamSegmenter.full_state`)."""
        state = self.initial_state()
        side = self._config.input_size
        self.step(state, np.zeros((side, side, 3), np.uint8))
        if not self._config.uses_lim:
            return state
        mask = np.zeros((side, side), np.bool_)
        polyp = round(side * _FOREGROUND**0.5)
        mask[:polyp, :polyp] = True
        bucket = self._bucket(1)
        for number in range(self._memory.capacity_frames):
            bucket.buffers.bring([Row(state.slot, number, True, False)], [])
            bucket.buffers.bring_masks([mask])
            self._remember(bucket)
            self._wait()
        state.frames_seen = self._memory.capacity_frames
        return state

    def step(self, state: SlotState, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment the next frame of one stream; see `step_many`."""
        return self.step_many([state], [rgb])[0]

    def step_many(
        self, states: Sequence[SlotState], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> list[StepResult]:
        """Segment the next frame of each of several different streams.

        Args:
            states: One per stream, updated in place.
            frames: [H, W, 3] uint8 RGB each, H = W = the network's input size.

        Raises:
            ShapeError: A frame does not fit, there are not as many frames as states, or a stream
                is there twice; no state was changed.
        """
        if len(states) != len(frames):
            raise ShapeError(f"{len(states)} states, but {len(frames)} frames")
        if len({state.slot for state in states}) < len(states):
            raise ShapeError("a stream is there twice; frames of one stream go one by one")
        for frame in frames:
            check_frame(frame, (self._config.input_size,) * 2)
        results: list[StepResult] = []
        for start in range(0, len(states), BUCKETS[-1]):
            part = slice(start, start + BUCKETS[-1])
            results += self._step_batch(states[part], frames[part])
        return results

    @torch.inference_mode()
    def prepare(self, size: int) -> None:
        """Make ready for batches of up to `size` streams: allocate, compile, record.

        No step of so many streams has to do that any more. Larger batches are split.
        """
        largest = self._bucket_size(min(size, BUCKETS[-1]))
        for bucket in BUCKETS[: BUCKETS.index(largest) + 1]:
            self._bucket(bucket)

    @staticmethod
    def ask(state: SlotState) -> None:
        """Have the stream's next step tell what it reads from memory, by frame alone."""
        state.is_asked = True

    @staticmethod
    def leave_out(state: SlotState) -> None:
        """Have the stream's next frame not enter memory; a later one makes up for it."""
        state.is_left_out = True

    def frames_held(self, state: SlotState) -> tuple[int, ...]:
        """Numbers of the frames in a stream's bank, oldest first; waits for the device."""
        return self._banks.frame_numbers(state.slot)

    def pooled_memory(self) -> tuple[Tensor, ...]:
        """All that is remembered of streams, slot by slot, for inspection."""
        return (*self._banks.contents(), *self._features.maps)

    @torch.inference_mode()
    def _step_batch(
        self, states: Sequence[SlotState], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> list[StepResult]:
        """Step at most as many streams as the largest bucket takes."""
        bucket = self._bucket(len(states))
        buffers = bucket.buffers
        rows = [self._row(state) for state in states]
        level = self._level(rows)
        unused = [self._unused_row()] * (buffers.size - len(rows))
        buffers.bring([*rows, *unused], frames)
        bucket.look[level]()
        shares = None
        if self._config.uses_lim and any(state.is_asked for state in states):
            shares = copy_shares(self._banks, buffers)
        is_due = any(row.is_due for row in rows)
        decides_alone = self._rule.peak_threshold is None or self._memory.soft_masks
        if is_due and decides_alone:
            self._remember(bucket)
        host = buffers.send(len(rows))
        self._wait()
        results = buffers.results(host)
        if self._rule.peak_threshold is not None:
            results = [
                self._mask(state, result) for state, result in zip(states, results, strict=True)
            ]
            if is_due and not decides_alone:
                buffers.bring_masks([result.mask for result in results])
                self._remember(bucket)
        results = [
            with_memory(result, row, place, shares, is_asked=state.is_asked)
            for place, (state, row, result) in enumerate(zip(states, rows, results, strict=True))
        ]
        for state in states:
            state.frames_seen += 1
            state.is_asked = False
        return results

    def _mask(self, state: SlotState, result: StepResult) -> StepResult:
        """The mask by both thresholds, which takes connected regions: the host's work."""
        state.mask = self._rule.apply(torch.from_numpy(result.probability), state.mask)
        return result._replace(mask=state.mask.numpy())

    def _row(self, state: SlotState) -> Row:
        number = state.frames_seen
        is_due = take_turn(state, self._memory.write_every_frames) and self._config.uses_lim
        return Row(state.slot, number, is_due, number == 0)

    def _unused_row(self) -> Row:
        """A row that fills up a batch: a new stream at the scratch slot."""
        return Row(self._banks.scratch, 0, True, True)

    def _level(self, rows: Sequence[Row]) -> int:
        """How wide the banks of these streams must be read."""
        if not self._config.uses_lim:
            return 0
        if self._written is not None:
            self._written.synchronize()
        totals = self._totals.numpy()
        return self._banks.level_for(
            [[0, 0, 0] if row.is_fresh else totals[row.slot].tolist() for row in rows]
        )

    def _remember(self, bucket: _Bucket) -> None:
        """Write a batch's frames into their banks, and let the host know how many tokens it has."""
        if bucket.remember is None:
            return
        bucket.remember()
        self._totals.copy_(self._banks.totals, non_blocking=True)
        if self._written is not None:
            self._written.record(torch.cuda.current_stream(self._device))

    def _wait(self) -> None:
        """Wait until the device has done all it was given."""
        if self._done is not None:
            self._done.record(torch.cuda.current_stream(self._device))
            self._done.synchronize()

    def _bucket(self, size: int) -> _Bucket:
        """Return the smallest bucket that takes so many streams; make it at its first use."""
        size = self._bucket_size(size)
        if size not in self._buckets:
            self._buckets[size] = self._create_bucket(size)
        return self._buckets[size]

    @staticmethod
    def _bucket_size(size: int) -> int:
        return next(bucket for bucket in BUCKETS if bucket >= size)

    def _create_bucket(self, size: int) -> _Bucket:
        """Run and record everything a bucket will run, on rows that belong to nobody."""
        buffers = BatchBuffers(size, self._config, self._memory, self._device)
        buffers.bring([self._unused_row()] * size, [])
        bucket = _Bucket(buffers)
        for widths in self._banks.widths():
            bucket.look.append(self._record(size, partial(self._step.look, buffers, widths)))
        if self._config.uses_lim:
            bucket.remember = self._record(size, partial(self._step.write, buffers))
        return bucket

    def _record(self, size: int, function: Callable[[], None]) -> Callable[[], None]:
        if self.failures or self._capture is run_directly:
            return run_directly(function)
        try:
            return self._capture(function)
        except RuntimeError as exc:
            reason = _first_line(exc)
            if exc.__context__ is not None:  # the end of a recording fails because of it
                reason += f", after: {_first_line(exc.__context__)}"
            self.failures.append(f"a batch of {size} could not be recorded: {reason}")
            _log.warning("%s; steps are launched kernel by kernel", self.failures[-1])
            return function


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's
