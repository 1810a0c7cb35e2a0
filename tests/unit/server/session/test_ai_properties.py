"""What holds of the AI's state whatever happens, and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.media.frame import SourceState
from server.session.ai_state import RECOVERY_MASKS, AiLimits, AiMonitor, AiState
from server.worker.state import WorkerState, WorkerStatus

MS = 1_000_000
LIMITS = AiLimits()
TICK_MS = 50
FIRST_FRAME_MS = 1000

events = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([10, 40, 120, 400])),
    st.tuples(st.just("frame"), st.just(None)),
    st.tuples(st.just("taken"), st.just(None)),
    st.tuples(st.just("mask"), st.integers(0, 240)),
    st.tuples(st.just("replaced"), st.just(None)),
    st.tuples(st.just("stall"), st.sampled_from([200, 400, 1600])),
    st.tuples(st.just("recover"), st.integers(1, 5)),
    st.tuples(st.just("worker"), st.sampled_from(list(WorkerState))),
    st.tuples(st.just("source"), st.sampled_from(list(SourceState))),
)


@dataclass
class Run:
    """A monitor that lives through events; it is evaluated every 50 ms and after each of them."""

    monitor: AiMonitor = field(default_factory=lambda: AiMonitor(LIMITS))
    now_ms: int = 10_000
    worker: WorkerState = WorkerState.STOPPED
    source: SourceState = SourceState.CONNECTING
    state: AiState = AiState.WARMING
    last_frame_ms: int | None = None
    last_mask_ms: int | None = None
    masks_since_late: int = 0
    waiting_since_ms: int | None = None
    taken: list[int] = field(default_factory=list)

    def play(self, kind: str, value: Any) -> None:
        """Let one thing happen, and look."""
        getattr(self, f"on_{kind}")(value)
        self.look()

    def on_pass(self, duration_ms: int) -> None:
        for _ in range(0, duration_ms, TICK_MS):
            self.now_ms += min(TICK_MS, duration_ms)
            self.look()

    def on_stall(self, duration_ms: int) -> None:
        self.repeat(duration_ms // 40, ("taken", None), ("pass", 40))

    def on_recover(self, masks: int) -> None:
        self.repeat(masks, ("taken", None), ("mask", 0), ("pass", 40))

    def on_taken(self, _: None) -> None:
        self.on_frame(None)
        self.monitor.note_taken(self.now_ms * MS)
        self.taken.append(self.now_ms)

    def on_replaced(self, _: None) -> None:
        if self.taken:
            self.monitor.note_replaced(self.taken.pop() * MS)

    def on_worker(self, worker: WorkerState) -> None:
        self.worker = worker
        self.waiting_since_ms = None
        self.monitor.note_worker(WorkerStatus(worker, "told"))

    def on_source(self, source: SourceState) -> None:
        self.source = source
        self.monitor.note_source(source, "told")

    def on_frame(self, _: None) -> None:
        self.monitor.note_frame(self.now_ms * MS)
        self.last_frame_ms = self.now_ms
        if self.waiting_since_ms is None:
            self.waiting_since_ms = self.now_ms

    def repeat(self, times: int, *happened: tuple[str, Any]) -> None:
        for _ in range(times):
            for kind, value in happened:
                self.play(kind, value)

    def on_mask(self, age_ms: int) -> None:
        """A mask of one of the frames taken, the newest that is old enough."""
        fitting = [taken for taken in self.taken if self.now_ms - taken >= age_ms]
        if self.worker is not WorkerState.READY or not fitting:
            return
        self.taken = [taken for taken in self.taken if taken > fitting[-1]]
        self.monitor.note_mask(fitting[-1] * MS)
        self.last_mask_ms = self.now_ms
        self.waiting_since_ms = None
        self.masks_since_late += 1

    def look(self) -> None:
        before, self.state = self.state, self.monitor.evaluate(self.now_ms * MS).state
        if self.state is AiState.LATE and before is not AiState.LATE:
            self.masks_since_late = 0
        self.check(before)

    def check(self, before: AiState) -> None:
        """What must hold now."""
        is_ready = self.worker is WorkerState.READY
        is_lost = self.worker in (WorkerState.LOST, WorkerState.FAILED)
        assert (self.state is AiState.FAILED) == is_lost
        if not is_ready:
            assert self.state in (AiState.WARMING, AiState.FAILED)
            return
        silence_ms = None if self.last_frame_ms is None else self.now_ms - self.last_frame_ms
        is_dead = self.source in (SourceState.ENDED, SourceState.FAILED)
        if silence_ms is not None and (is_dead or silence_ms > LIMITS.paused_after_ms):
            assert self.state is AiState.PAUSED
            self.waiting_since_ms = None
            return
        if self.state is AiState.ACTIVE:
            self.check_active(before)

    def check_active(self, before: AiState) -> None:
        """Active is only what shows masks."""
        assert self.last_mask_ms is not None
        assert self.last_frame_ms is not None
        if before is AiState.LATE:
            assert self.masks_since_late >= RECOVERY_MASKS
        if self.waiting_since_ms is not None:
            assert self.now_ms - self.waiting_since_ms <= LIMITS.late_after_ms


@pytest.mark.hazard("H4")
@settings(max_examples=200, deadline=None)
@given(st.sampled_from([WorkerState.READY, WorkerState.STARTING]), st.lists(events, max_size=40))
def test_whatever_happens_the_state_says_no_more_than_what_is_so(
    begin: WorkerState,
    happened: list[tuple[str, Any]],
) -> None:
    run = Run()
    run.play("worker", begin)
    for kind, value in happened:
        run.play(kind, value)


def _ready_after(happened: list[tuple[str, Any]]) -> Run:
    """A session in which anything happened, its worker ready and its source playing again."""
    run = Run()
    for kind, value in happened:
        run.play(kind, value)
    run.play("worker", WorkerState.READY)
    run.play("source", SourceState.PLAYING)
    return run


@settings(max_examples=100, deadline=None)
@given(st.lists(events, max_size=30))
def test_frames_and_masks_make_it_active_whatever_went_before(
    happened: list[tuple[str, Any]],
) -> None:
    run = _ready_after(happened)
    run.play("recover", RECOVERY_MASKS + 1)
    assert run.state is AiState.ACTIVE


@pytest.mark.hazard("H4")
@settings(max_examples=100, deadline=None)
@given(st.lists(events, max_size=30))
def test_frames_without_masks_are_told_within_the_limits_whatever_went_before(
    happened: list[tuple[str, Any]],
) -> None:
    run = _ready_after(happened)
    grace_ms = LIMITS.late_after_ms + FIRST_FRAME_MS + 2 * TICK_MS
    run.repeat(grace_ms // 40, ("frame", None), ("pass", 40))
    assert run.state is AiState.LATE


@settings(max_examples=50, deadline=None)
@given(st.lists(events, max_size=30), st.lists(events, max_size=30))
def test_nothing_mends_a_fault_of_the_session(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]]
) -> None:
    run = Run()
    for kind, value in before:
        run.play(kind, value)
    run.monitor.note_fault("broken")
    for kind, value in after:
        if kind == "worker":
            run.monitor.note_worker(WorkerStatus(value))
        elif kind == "pass":
            run.now_ms += value
        elif kind == "taken":
            run.monitor.note_taken(run.now_ms * MS)
        elif kind == "mask":
            run.monitor.note_mask(run.now_ms * MS)
        assert run.monitor.evaluate(run.now_ms * MS).state is AiState.FAILED
