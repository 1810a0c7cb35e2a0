"""The scheduler among rooms, on a clock that jumps from event to event.

Each room is a camera and the mask loop of its session: a few pictures at the worker at a time,
meanwhile the newest frame waits. Pictures and masks take `transit_ns` between service and worker.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from server.session.mask_loop import MAX_UNDER_WAY
from server.worker.scheduler import DroppedRequest, Scheduler, StepRequest
from server.worker.step_times import StepTimes

MS = 1_000_000
SECOND = 1_000_000_000

StepModel = Callable[[int], int]
"""Batch size to duration, ns."""


@dataclass(frozen=True)
class Room:
    """A camera: a frame every 1 / fps from `phase_ns` on, each late by up to `jitter_ns`."""

    fps: float
    phase_ns: int = 0
    jitter_ns: int = 0


@dataclass
class RoomReport:
    """What became of a room's frames: masked with this latency, or dropped by cause."""

    frames: int = 0
    latencies_ns: list[int] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)
    longest_gap_ns: int = 0
    masked_at_ns: int = 0
    under_way: int = 0
    mailbox_ns: int | None = None


@dataclass
class Report:
    """What became of everything."""

    rooms: list[RoomReport]
    waits_ns: list[int] = field(default_factory=list)
    holds_ns: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    busy_ns: int = 0
    late: int = 0

    def percentile_ns(self, share: float) -> int:
        """Latency from capture to mask that this share of all masks did not exceed."""
        latencies = sorted(ns for room in self.rooms for ns in room.latencies_ns)
        return latencies[min(len(latencies) - 1, int(share * len(latencies)))]

    @property
    def masked_share(self) -> float:
        """Share of the frames that were masked."""
        masked = sum(len(room.latencies_ns) for room in self.rooms)
        return masked / sum(room.frames for room in self.rooms)


class Simulation:
    """One run; `run` may be called once."""

    def __init__(
        self,
        rooms: list[Room],
        step: StepModel,
        *,
        max_batch: int,
        deadline_ns: int = 250 * MS,
        transit_ns: int = MS // 2,
        seed: int = 0,
    ) -> None:
        self._rooms = rooms
        self._step = step
        self._deadline_ns = deadline_ns
        self._transit_ns = transit_ns
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self._times = StepTimes()
        self._scheduler = Scheduler(max_batch, self._times)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._now_ns = 0
        self._is_busy = False
        self._idle_since_ns: int | None = None
        self.report = Report([RoomReport() for _ in rooms])

    def run(self, seconds: float) -> Report:
        """Let time pass; frames stop after `seconds`, what is under way comes to its end."""
        end_ns = int(seconds * SECOND)
        for index, room in enumerate(self._rooms):
            self._scheduler.open(str(index), 0)
            for number in range(int(room.fps * seconds)):
                at_ns = room.phase_ns + int(number * SECOND / room.fps)
                if at_ns < end_ns:
                    late_ns = self._random.randint(0, room.jitter_ns)
                    self._at(at_ns + late_ns, lambda index=index: self._capture(index))
        while self._events:
            self._now_ns, _, happen = heapq.heappop(self._events)
            happen()
        return self.report

    def _at(self, when_ns: int, happen: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (when_ns, self._order, happen))

    def _capture(self, index: int) -> None:
        room = self.report.rooms[index]
        room.frames += 1
        if room.mailbox_ns is not None:
            room.drops["mailbox"] += 1
        room.mailbox_ns = self._now_ns
        self._send_newest(index)

    def _send_newest(self, index: int) -> None:
        room = self.report.rooms[index]
        if room.under_way == MAX_UNDER_WAY or room.mailbox_ns is None:
            return
        captured_ns, room.mailbox_ns = room.mailbox_ns, None
        room.under_way += 1
        self._at(self._now_ns + self._transit_ns, lambda: self._arrive(index, captured_ns))

    def _arrive(self, index: int, captured_ns: int) -> None:
        request = StepRequest(
            session=str(index),
            epoch=0,
            sequence=captured_ns,
            height=1,
            width=1,
            rgb=b"",
            arrived_at_ns=self._now_ns,
            expires_at_ns=captured_ns + self._deadline_ns,
        )
        for dropped in self._scheduler.submit(request):
            self._answer_drop(dropped)
        if not self._is_busy and self._idle_since_ns is None:
            self._idle_since_ns = self._now_ns
        self._decide()

    def _decide(self) -> None:
        if self._is_busy:
            return
        batch = self._scheduler.next_batch(self._now_ns)
        for dropped in batch.dropped:
            self._answer_drop(dropped)
        if batch.hold_until_ns is not None:
            assert batch.hold_until_ns > self._now_ns
            self._at(batch.hold_until_ns, self._decide)
        elif batch.requests:
            self._compute(batch.requests)
        else:
            assert self._scheduler.waiting == 0, "a free device and a waiting picture"
            self._idle_since_ns = None

    def _compute(self, requests: tuple[StepRequest, ...]) -> None:
        since_ns = self._now_ns if self._idle_since_ns is None else self._idle_since_ns
        self.report.holds_ns.append(self._now_ns - since_ns)
        self.report.waits_ns += [self._now_ns - request.arrived_at_ns for request in requests]
        self.report.batches.append(len(requests))
        self._is_busy, self._idle_since_ns = True, None
        duration_ns = self._step(len(requests))
        self.report.busy_ns += duration_ns
        self._at(self._now_ns + duration_ns, lambda: self._finish(requests, duration_ns))

    def _finish(self, requests: tuple[StepRequest, ...], duration_ns: int) -> None:
        self._times.observe(len(requests), duration_ns)
        self._is_busy = False
        if self._scheduler.waiting:
            self._idle_since_ns = self._now_ns
        for request in requests:
            self.report.late += self._now_ns > request.expires_at_ns
            self._at(self._now_ns + self._transit_ns, lambda request=request: self._mask(request))
        self._decide()

    def _mask(self, request: StepRequest) -> None:
        room = self.report.rooms[int(request.session)]
        room.latencies_ns.append(self._now_ns - request.sequence)
        room.longest_gap_ns = max(room.longest_gap_ns, self._now_ns - room.masked_at_ns)
        room.masked_at_ns = self._now_ns
        self._free(int(request.session))

    def _answer_drop(self, dropped: DroppedRequest) -> None:
        index = int(dropped.request.session)
        self.report.rooms[index].drops[dropped.cause] += 1
        self._at(self._now_ns + self._transit_ns, lambda: self._free(index))

    def _free(self, index: int) -> None:
        self.report.rooms[index].under_way -= 1
        self._send_newest(index)
