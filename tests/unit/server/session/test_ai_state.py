from __future__ import annotations

import pytest

from server.media.frame import SourceState
from server.session.ai_state import RECOVERY_MASKS, AiLimits, AiMonitor, AiState, AiStatus
from server.worker.state import WorkerState, WorkerStatus

MS = 1_000_000


class Room:
    """A monitor and its time in milliseconds."""

    def __init__(self) -> None:
        self.monitor = AiMonitor(AiLimits())
        self.now_ms = 0

    def worker(self, state: WorkerState, reason: str = "") -> Room:
        self.monitor.note_worker(WorkerStatus(state, reason))
        return self

    def status(self) -> AiStatus:
        return self.monitor.evaluate(self.now_ms * MS)

    def state(self) -> AiState:
        return self.status().state

    def frame(self) -> None:
        self.monitor.note_frame(self.now_ms * MS)
        self.monitor.note_taken(self.now_ms * MS)

    def stream(self, duration_ms: int, *, masked: bool) -> list[AiState]:
        """Frames every 40 ms; return the states without repetitions."""
        states = [self.state()]
        for _ in range(duration_ms // 40):
            self.now_ms += 40
            self.frame()
            if masked:
                self.monitor.note_mask(self.now_ms * MS)
            if self.state() is not states[-1]:
                states.append(self.state())
        return states


@pytest.fixture
def room() -> Room:
    room = Room()
    room.monitor.note_source(SourceState.PLAYING, "")
    return room.worker(WorkerState.READY)


def test_without_a_worker_the_ai_warms_up_and_says_why() -> None:
    room = Room()
    assert room.status() == AiStatus(AiState.WARMING, "starting the AI")
    room.worker(WorkerState.WARMING, "warming up the AI")
    room.stream(2000, masked=False)
    assert room.status() == AiStatus(AiState.WARMING, "warming up the AI")


def test_without_a_frame_yet_the_ai_warms_up_with_the_sources_reason(room: Room) -> None:
    room.monitor.note_source(SourceState.CONNECTING, "rendering the demo scene 43 %")
    room.now_ms = 60_000
    assert room.status() == AiStatus(AiState.WARMING, "rendering the demo scene 43 %")


def test_a_source_that_fails_before_its_first_frame_pauses_the_ai(room: Room) -> None:
    room.monitor.note_source(SourceState.FAILED, "no such file")
    assert room.status() == AiStatus(AiState.PAUSED, "no such file")


def test_masks_make_the_ai_active(room: Room) -> None:
    assert room.stream(2000, masked=True) == [AiState.WARMING, AiState.ACTIVE]


@pytest.mark.hazard("H4", "F3")
def test_frames_without_masks_make_it_late_within_300_ms_and_three_masks_active_again(
    room: Room,
) -> None:
    room.stream(400, masked=True)
    room.frame()
    room.now_ms += 300
    room.monitor.note_frame(room.now_ms * MS)
    assert room.state() is AiState.ACTIVE
    room.now_ms += 1
    assert room.state() is AiState.LATE
    states = []
    for _ in range(RECOVERY_MASKS):
        room.monitor.note_mask(room.now_ms * MS)
        states.append(room.state())
    assert states == ["late", "late", "active"]


def test_a_stall_at_10_fps_is_noticed_300_ms_after_the_first_frame_without_a_mask(
    room: Room,
) -> None:
    room.stream(400, masked=True)
    begin_ms = room.now_ms
    for room.now_ms in (begin_ms + 100, begin_ms + 200, begin_ms + 300):
        room.frame()
    room.monitor.note_mask((begin_ms + 100) * MS)
    room.now_ms = begin_ms + 400
    room.frame()
    room.now_ms = begin_ms + 500
    assert room.state() is AiState.ACTIVE
    room.now_ms += 1
    assert room.state() is AiState.LATE


def test_a_frame_that_was_replaced_at_the_worker_owes_no_mask(room: Room) -> None:
    room.stream(400, masked=True)
    begin_ms = room.now_ms
    for room.now_ms in (begin_ms + 100, begin_ms + 200, begin_ms + 300):
        room.frame()
    room.monitor.note_replaced((begin_ms + 200) * MS)
    room.monitor.note_mask((begin_ms + 100) * MS)
    room.now_ms = begin_ms + 600
    room.monitor.note_frame(room.now_ms * MS)
    assert room.state() is AiState.ACTIVE
    room.now_ms += 1
    assert room.state() is AiState.LATE


def test_frames_that_only_replace_each_other_make_it_late(room: Room) -> None:
    room.stream(400, masked=True)
    for _ in range(8):
        room.now_ms += 40
        room.frame()
        room.monitor.note_replaced(room.now_ms * MS)
        assert room.state() is AiState.ACTIVE
    room.now_ms += 40
    room.frame()
    assert room.state() is AiState.LATE


def test_a_mask_now_and_then_does_not_make_it_flicker(room: Room) -> None:
    room.stream(400, masked=True)
    states = room.stream(400, masked=False)
    for _ in range(5):
        states += room.stream(40, masked=True) + room.stream(400, masked=False)
    assert states[:2] == ["active", "late"]
    assert set(states[2:]) == {"late"}


@pytest.mark.hazard("H4")
def test_frames_that_never_reach_the_model_make_it_late(room: Room) -> None:
    room.stream(400, masked=True)
    states = []
    for _ in range(9):
        room.now_ms += 40
        room.monitor.note_frame(room.now_ms * MS)
        states.append(room.state())
    assert states == [AiState.ACTIVE] * 8 + [AiState.LATE]
    assert room.status().reason == "no picture reaches the AI"
    assert room.stream(120, masked=True) == [AiState.LATE, AiState.ACTIVE]


def test_frames_that_do_not_reach_the_model_after_a_pause_make_it_late(room: Room) -> None:
    room.stream(400, masked=True)
    room.now_ms += 600
    assert room.state() is AiState.PAUSED
    for _ in range(9):
        room.now_ms += 40
        room.monitor.note_frame(room.now_ms * MS)
        state = room.state()
    assert state is AiState.LATE


def test_a_source_that_falls_silent_after_its_last_mask_is_paused_without_being_late(
    room: Room,
) -> None:
    room.stream(400, masked=True)
    states = []
    for _ in range(14):
        room.now_ms += 40
        states.append(room.state())
    assert states == [AiState.ACTIVE] * 12 + [AiState.PAUSED] * 2


def test_while_warming_the_search_for_the_region_has_its_time_and_no_more(room: Room) -> None:
    states = [room.state()]
    for room.now_ms in range(40, 1401, 40):
        room.monitor.note_frame(room.now_ms * MS)
        states.append(room.state())
    begun_late = states.index(AiState.LATE)
    assert set(states[:begun_late]) == {AiState.WARMING}
    assert 1300 < 40 * begun_late - 40 <= 1340
    assert set(states[begun_late:]) == {AiState.LATE}


def test_frames_that_came_while_no_worker_was_ready_are_not_owed(room: Room) -> None:
    room.stream(400, masked=True)
    room.worker(WorkerState.LOST, "why")
    for _ in range(100):
        room.now_ms += 40
        room.monitor.note_frame(room.now_ms * MS)
        assert room.state() is AiState.FAILED
    room.worker(WorkerState.WARMING).state()
    room.worker(WorkerState.READY)
    assert room.stream(240, masked=False) == [AiState.WARMING]


def test_it_stays_late_while_masks_stay_away(room: Room) -> None:
    room.stream(400, masked=True)
    assert room.stream(4000, masked=False) == [AiState.ACTIVE, AiState.LATE]


@pytest.mark.hazard("H6", "F6")
def test_silence_pauses_it_after_500_ms_and_the_next_masks_wake_it(room: Room) -> None:
    room.stream(400, masked=True)
    room.now_ms += 500
    assert room.state() is AiState.ACTIVE
    room.now_ms += 1
    assert room.status() == AiStatus(AiState.PAUSED, "no pictures from the source")
    assert room.stream(80, masked=True) == [AiState.PAUSED, AiState.ACTIVE]


def test_a_frame_owed_before_a_pause_does_not_make_the_ai_late_after_it(room: Room) -> None:
    room.stream(400, masked=True)
    room.frame()
    room.now_ms += 600
    assert room.state() is AiState.PAUSED
    assert room.stream(200, masked=True) == [AiState.PAUSED, AiState.ACTIVE]


@pytest.mark.parametrize("state", [SourceState.ENDED, SourceState.FAILED])
@pytest.mark.hazard("H6", "F6")
def test_an_ended_source_pauses_it_at_once_with_the_reason(room: Room, state: SourceState) -> None:
    room.stream(400, masked=True)
    room.monitor.note_source(state, "the file has ended")
    assert room.status() == AiStatus(AiState.PAUSED, "the file has ended")


@pytest.mark.hazard("H3", "F1")
def test_a_lost_worker_fails_warms_and_comes_back(room: Room) -> None:
    states = room.stream(400, masked=True)
    for state in (WorkerState.LOST, WorkerState.STARTING, WorkerState.WARMING, WorkerState.READY):
        room.worker(state, "why")
        states.append(room.state())
    states += room.stream(200, masked=True)[1:]
    assert states == ["warming", "active", "failed", "warming", "warming", "warming", "active"]


def test_after_a_restart_the_first_masks_have_their_time(room: Room) -> None:
    room.stream(400, masked=False)
    assert room.state() is AiState.LATE
    room.worker(WorkerState.LOST, "why").state()
    room.worker(WorkerState.STARTING).state()
    room.worker(WorkerState.READY)
    assert room.stream(240, masked=False) == [AiState.WARMING]


@pytest.mark.hazard("H3", "F4")
def test_a_worker_that_is_given_up_stays_failed_with_its_reason(room: Room) -> None:
    room.worker(WorkerState.FAILED, "weights are gone")
    assert room.stream(1000, masked=False) == [AiState.FAILED]
    assert room.status().reason == "weights are gone"


@pytest.mark.hazard("F10")
def test_a_fault_of_the_session_outweighs_everything(room: Room) -> None:
    room.stream(400, masked=True)
    room.monitor.note_fault("internal fault (KeyError)")
    assert room.stream(400, masked=True) == [AiState.FAILED]


def test_an_active_ai_on_a_slow_machine_says_what_is_missed(room: Room) -> None:
    room.worker(WorkerState.READY, "this machine is slow")
    room.stream(400, masked=True)
    assert room.status() == AiStatus(AiState.ACTIVE, "this machine is slow")
