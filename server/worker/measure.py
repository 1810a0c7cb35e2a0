"""Measures, before the first session, how long the device takes for steps of each batch size."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from server.errors import WorkerStartError, WorkerStepError
from server.worker.capacity import capacity_of
from server.worker.protocol import Capacity, Configure, Pixels, StepTime
from server.worker.runner import Runner, finish
from server.worker.scheduler import StepRequest

_MOST_STEPS = 100
_PREPARE_S = 60.0
"""Once it took so long to prepare batches, no larger one is tried: the start has its limit."""
_SPEED_UP = 0.95
"""A batch twice as large must cost each picture at least 5 % less, or larger ones are not tried."""


def measure_capacity(
    runner: Runner, configuration: Configure, now_ns: Callable[[], int]
) -> Capacity:
    """Measure step times and reckon the capacity; what is known already is not measured again.

    Batches of 1, 2, 4 ... pictures are tried, each in half of the time that is left, until they are
    not faster any more. Every size gets one step to warm up and one that counts, at least. A size
    that the device fails at, as it does when its memory is too small, ends the trying. What is
    tried, or known, is prepared first, which is no part of the time: no session's step has to.

    Args:
        runner: Warmed up.
        configuration: Tells the time there is, the largest batch and the demand.
        now_ns: Clock.

    Raises:
        WorkerStartError: The model fails on this device, even at one picture or at the batches
            that are known to be worth it.
    """
    if configuration.known_capacity is not None:
        return _prepare_known(runner, configuration.known_capacity)
    end_ns = now_ns() + int(configuration.measure_s * 1e9)
    picture = _test_picture(runner.info.input_size)
    steps: list[StepTime] = []
    is_memory_full = True
    prepare_ns = 0
    batch = 1
    while batch <= configuration.max_batch:
        sessions = [f"measured {number}" for number in range(batch)]
        requests = _requests(sessions, picture, runner.info.input_size)
        try:
            began_ns = now_ns()
            runner.prepare(batch)
            prepare_ns += now_ns() - began_ns
            end_ns += now_ns() - began_ns
            # Afresh for each size: what is measured empties a memory where it finds no polyp.
            filled = [runner.fill_memory(session) for session in sessions]
            is_memory_full &= all(filled)
            steps.append(_measure(runner, requests, (end_ns - now_ns()) // 2, now_ns))
        except WorkerStepError as exc:
            if not steps:
                raise WorkerStartError(f"measuring failed: {exc}") from exc
            sys.stderr.write(f"sali worker: batches of {batch} pictures fail ({exc})\n")
            break
        finally:
            for session in sessions:
                runner.forget(session)
        if now_ns() >= end_ns or prepare_ns >= _PREPARE_S * 1e9 or not _is_faster(steps):
            break
        batch *= 2
    return capacity_of(steps, configuration.demand, is_memory_full=is_memory_full)


def _prepare_known(runner: Runner, capacity: Capacity) -> Capacity:
    try:
        runner.prepare(capacity.batch)
    except WorkerStepError as exc:
        raise WorkerStartError(f"preparing batches of {capacity.batch} failed: {exc}") from exc
    return capacity


def _measure(
    runner: Runner, requests: Sequence[StepRequest], budget_ns: int, now_ns: Callable[[], int]
) -> StepTime:
    """Time steps of one batch size."""
    finish(runner.compute(requests))
    end_ns = now_ns() + budget_ns
    steps_ms: list[float] = []
    finishes_ms: list[float] = []
    while not steps_ms or (len(steps_ms) < _MOST_STEPS and now_ns() < end_ns):
        began_ns = now_ns()
        computed = runner.compute(requests)
        computed_ns = now_ns()
        finish(computed)
        steps_ms.append((computed_ns - began_ns) / 1e6)
        finishes_ms.append((now_ns() - computed_ns) / 1e6)
    slowest = sorted(steps_ms)[math.ceil(0.99 * len(steps_ms)) - 1]
    return StepTime(
        batch=len(requests),
        step_ms=round(median(steps_ms), 3),
        step_p99_ms=round(slowest, 3),
        finish_ms=round(median(finishes_ms), 3),
    )


def _is_faster(steps: Sequence[StepTime]) -> bool:
    """Whether the last batch size computed pictures faster than the one before."""
    if len(steps) < 2:
        return True
    before, last = steps[-2:]
    return last.step_ms / last.batch <= _SPEED_UP * before.step_ms / before.batch


def _requests(sessions: Sequence[str], picture: Pixels, size: tuple[int, int]) -> list[StepRequest]:
    """Make one request for each session."""
    height, width = size
    return [
        StepRequest(
            session=session,
            epoch=0,
            sequence=0,
            height=height,
            width=width,
            rgb=picture,
            arrived_at_ns=0,
            expires_at_ns=0,
        )
        for session in sessions
    ]


def _test_picture(size: tuple[int, int]) -> Pixels:
    """Draw a bright round spot on dull red, rows of red, green, blue."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    is_spot = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (min(size) / 6) ** 2
    rgb = np.where(is_spot[..., None], (220, 150, 130), (110, 60, 50)).astype(np.uint8)
    return bytearray(rgb.tobytes())
