from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

import pytest

from server.errors import (
    ServiceError,
    SourceError,
    SourceLoginError,
    SourceRefusedError,
    SourceUnreachableError,
    UnsupportedCodecError,
)
from server.media.feed import ConnectionSink
from server.media.frame import CodedPicture, SourceState, StreamFormat
from server.media.reconnect import Backoff, ReconnectingSource, RetryLimits
from server.media.timeline import Timeline
from tests.fakes.collecting_sink import CollectingSink
from tests.fakes.virtual_clock import VirtualClock

_LIMITS = RetryLimits()


class ScriptedConnection:
    """A connection whose pictures and end the test decides."""

    def __init__(self) -> None:
        self.sink: ConnectionSink | None = None
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_cancelled = False

    async def run(self, sink: ConnectionSink) -> None:
        self.sink = sink
        try:
            await self.end
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise

    def show(self, ticks: int) -> None:
        assert self.sink is not None
        self.sink.begin(StreamFormat("h264"))
        self.show_next(ticks)

    def show_next(self, ticks: int) -> None:
        assert self.sink is not None
        self.sink.picture(CodedPicture(b"x", ticks, True, 1))


class Room:
    """A source on scripted connections and a clock that the test moves."""

    def __init__(self, limits: RetryLimits = _LIMITS) -> None:
        self.clock = VirtualClock()
        self.sink = CollectingSink()
        self.made: list[ScriptedConnection] = []
        self.source = ReconnectingSource(
            self._connect,
            "rtsp://camera/live",
            clock=self.clock,
            timeline=Timeline(),
            limits=limits,
            jitter=random.Random(1),  # noqa: S311 - no secret
        )
        self.task = asyncio.create_task(self.source.run(self.sink))

    @property
    def connection(self) -> ScriptedConnection:
        return self.made[-1]

    @property
    def state(self) -> SourceState:
        return self.sink.states[-1][0]

    def _connect(self) -> ScriptedConnection:
        self.made.append(ScriptedConnection())
        return self.made[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop run, without time passing, until the condition holds."""
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError(self.sink.states)

    async def pass_time(self, seconds: float, step_s: float = 0.05) -> None:
        for _ in range(round(seconds / step_s)):
            await self.clock.advance(step_s)
            for _ in range(10):
                await asyncio.sleep(0)

    async def connected(self, number: int = 1) -> None:
        await self.until(lambda: len(self.made) == number and self.made[-1].sink is not None)

    async def fail(self, error: Exception | None) -> None:
        """End the connection and wait until that was told."""
        told = len(self.sink.states)
        if error is None:
            self.connection.end.set_result(None)
        else:
            self.connection.end.set_exception(error)
        await self.until(lambda: len(self.sink.states) > told)


@contextlib.asynccontextmanager
async def room(limits: RetryLimits = _LIMITS) -> AsyncIterator[Room]:
    made = Room(limits)
    try:
        await made.connected()
        yield made
    finally:
        made.task.cancel()
        await asyncio.wait({made.task})


async def test_silence_is_told_within_two_seconds_then_connected_again() -> None:
    async with room() as it:
        it.connection.show(0)
        await it.pass_time(0.9)
        assert it.sink.states == []
        await it.pass_time(0.25)
        assert it.state is SourceState.STALLED
        assert not it.connection.is_cancelled
        await it.pass_time(1.0)
        state, reason, retry = it.sink.states[-1]
        assert state is SourceState.RECONNECTING
        assert reason == "rtsp://camera/live went silent"
        assert retry is not None
        assert retry.attempt == 1
        assert it.made[0].is_cancelled
        await it.pass_time(1.0)
        await it.connected(2)


async def test_a_clock_that_goes_back_begins_a_stretch_behind_the_last() -> None:
    async with room() as it:
        it.connection.show(0)
        for second in [*range(10, 110, 10), 95, 96]:
            await it.pass_time(0.5)
            it.connection.show_next(90_000 * second)
        assert it.sink.stretches == [None, "the source's clock went back"]
        assert it.sink.same_pictures == [False, True]
        times = [packet.pts for packet in it.sink.packets]
        assert times[-2] - times[-3] == 45_000
        assert times[-1] - times[-2] == 90_000
        assert times == sorted(times)


async def test_pictures_out_of_order_begin_no_stretch() -> None:
    async with room() as it:
        it.connection.show(90_000)
        for ticks in (101_000, 94_000, 97_000, 110_000):
            it.connection.show_next(ticks)
        assert it.sink.stretches == [None]
        assert [packet.pts for packet in it.sink.packets] == [0, 11_000, 4_000, 7_000, 20_000]


async def test_pictures_that_come_back_end_a_stall_without_a_new_connection() -> None:
    async with room() as it:
        for second in range(3):
            it.connection.show(90_000 * second * 2)
            await it.pass_time(1.6)
        assert len(it.made) == 1
        assert [state for state, _, _ in it.sink.states] == [SourceState.STALLED] * 3
        assert it.sink.stretches == [None]


async def test_a_connection_without_video_is_given_up() -> None:
    async with room() as it:
        await it.pass_time(4.9)
        assert it.sink.states == []
        await it.pass_time(0.3)
        state, reason, _ = it.sink.states[-1]
        assert state is SourceState.CONNECTING
        assert "sends no video within 5 s" in reason


async def test_the_new_connection_is_a_new_stretch_as_much_later_as_time_has_gone_on() -> None:
    async with room() as it:
        it.connection.show(777_000)
        await it.fail(SourceError("broke"))
        await it.pass_time(1.0)
        await it.connected(2)
        it.connection.show(5)
        first, second = it.sink.packets
        assert first.pts == 0
        assert second.pts == 90_000
        assert it.sink.stretches == [None, "the source was connected again"]


async def test_what_a_connection_says_after_its_end_is_not_heard() -> None:
    async with room() as it:
        it.connection.show(0)
        await it.fail(None)
        it.made[0].show(3600)
        assert len(it.sink.packets) == 1
        assert it.sink.states[-1][1] == "rtsp://camera/live ended the stream"


async def test_delays_grow_to_their_limit_for_ever_and_begin_afresh_after_video() -> None:
    async with room() as it:
        delays: list[float] = []
        for number in range(1, 31):
            now_ns = it.clock.monotonic_ns()
            await it.fail(SourceUnreachableError("nobody there"))
            retry = it.sink.states[-1][2]
            assert retry is not None
            assert retry.attempt == number
            delays.append((retry.at_ns - now_ns) / 1e9)
            await it.clock.advance_to(retry.at_ns)
            await it.connected(number + 1)
        for delay, plain in zip(delays, [0.5, 1, 2, 4] + [5] * 26, strict=True):
            assert 0.75 * plain <= delay <= 1.25 * plain
        assert len(set(delays[4:])) > 1
        it.connection.show(0)
        await it.fail(SourceError("broke"))
        retry = it.sink.states[-1][2]
        assert retry is not None
        assert retry.attempt == 1


@pytest.mark.parametrize("error", [SourceLoginError("no"), UnsupportedCodecError("no")])
async def test_what_somebody_must_change_first_is_told_at_once_and_tried_rarely(
    error: ServiceError,
) -> None:
    async with room() as it:
        now_ns = it.clock.monotonic_ns()
        await it.fail(error)
        state, reason, retry = it.sink.states[-1]
        assert (state, reason) == (SourceState.CONNECTING, "no")
        assert retry is not None
        assert 22 <= (retry.at_ns - now_ns) / 1e9 <= 38


async def test_a_path_that_is_not_there_yet_is_tried_often() -> None:
    backoff = Backoff(_LIMITS, random.Random(1))  # noqa: S311 - no secret
    delay_s = backoff.next_delay_s(SourceRefusedError("no stream at this path"))
    assert delay_s is not None
    assert delay_s < 1


async def test_a_limit_on_attempts_ends_the_source() -> None:
    async with room(RetryLimits(max_attempts=2)) as it:
        for number in (2, 3):
            await it.fail(SourceUnreachableError("nobody"))
            retry = it.sink.states[-1][2]
            assert retry is not None
            await it.clock.advance_to(retry.at_ns)
            await it.connected(number)
        it.connection.end.set_exception(SourceUnreachableError("nobody"))
        with pytest.raises(SourceUnreachableError):
            await it.task


async def test_a_fault_of_ours_is_not_tried_again() -> None:
    async with room() as it:
        it.connection.end.set_exception(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await it.task


async def test_cancelling_ends_the_connection() -> None:
    async with room() as it:
        it.task.cancel()
        await asyncio.wait({it.task})
        assert it.connection.is_cancelled


async def test_what_cannot_be_decoded_is_tried_again_rarely() -> None:
    """Pictures over the limit stay over the limit until somebody changes that."""
    async with room() as it:
        for attempt in (1, 2, 3):
            it.connection.show(0)
            assert it.source.give_up(UnsupportedCodecError("too large"))
            await it.until(lambda: len(it.sink.states) == attempt)  # noqa: B023
            state, reason, retry = it.sink.states[-1]
            assert (state, reason) == (SourceState.RECONNECTING, "too large")
            assert retry is not None
            assert retry.attempt == attempt
            assert 22 <= (retry.at_ns - it.clock.monotonic_ns()) / 1e9 <= 38
            assert it.connection.is_cancelled
            await it.clock.advance_to(retry.at_ns)
            await it.connected(attempt + 1)


async def test_a_damaged_picture_in_good_video_costs_a_moment_only() -> None:
    async with room() as it:
        for second in range(5):
            it.connection.show_next(90_000 * second) if second else it.connection.show(0)
            await it.pass_time(1.0)
        it.source.give_up(UnsupportedCodecError("too large"))
        await it.until(lambda: it.sink.states[-1:] != [] and it.state is SourceState.RECONNECTING)
        retry = it.sink.states[-1][2]
        assert retry is not None
        assert retry.attempt == 1
        assert (retry.at_ns - it.clock.monotonic_ns()) / 1e9 < 1


async def test_a_refusal_between_two_connections_changes_nothing() -> None:
    async with room() as it:
        await it.fail(SourceUnreachableError("nobody there"))
        assert it.source.give_up(SourceError("too late"))
        assert it.sink.states[-1][1] == "nobody there"
