"""Keeps a camera or a device connected: watches the age of its last picture, waits, tries again.

A socket tells nothing: a camera whose cable was pulled leaves it open for ever. So the watch looks
at the pictures. Time comes from the injected clock only.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import (
    ServiceError,
    SourceError,
    SourceLoginError,
    SourceStalledError,
    SourceUnreachableError,
    UnsupportedCodecError,
)
from server.media.clock import Clock
from server.media.feed import Connection, SourceSink
from server.media.frame import (
    CLOCK_RATE_HZ,
    CodedPicture,
    SourcePacket,
    SourceRetry,
    SourceState,
    StreamFormat,
)
from server.media.timeline import Timeline

_BACKWARDS_TICKS = CLOCK_RATE_HZ
_WATCH_INTERVAL_NS = 100_000_000
_JITTER = 0.25
_PLAYED_NS = 3_000_000_000
"""Video that came for so long was in order; what ended it is no lasting trait of the camera."""

_SLOW = (SourceLoginError, UnsupportedCodecError)


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How long is waited for pictures, and between attempts.

    Attributes:
        open_timeout_s: From the beginning of an attempt to its first picture.
        stalled_after_s: Silence that is told.
        silent_after_s: Silence that ends a connection.
        first_delay_s: Before the first attempt after a failure; doubles each time.
        longest_delay_s: What it doubles up to.
        refused_delay_s: Before the next attempt after a wrong login or an unusable codec. Somebody
            has to change something first, and cameras lock accounts that are tried too often; yet
            it may be changed at the camera, so it is tried again.
        max_attempts: Failed attempts in a row after which the source fails; 0 tries for ever.
    """

    open_timeout_s: float = 5.0
    stalled_after_s: float = 1.0
    silent_after_s: float = 2.0
    first_delay_s: float = 0.5
    longest_delay_s: float = 5.0
    refused_delay_s: float = 30.0
    max_attempts: int = 0


class Backoff:
    """Counts failed attempts and tells how long to wait; spread, so that sessions take turns.

    Args:
        limits: The delays.
        jitter: Spreads them by a quarter either way.
    """

    def __init__(self, limits: RetryLimits, jitter: random.Random) -> None:
        self._limits = limits
        self._jitter = jitter
        self.attempt = 0

    def reset(self) -> None:
        """Begin afresh: there was video."""
        self.attempt = 0

    def next_delay_s(self, error: ServiceError) -> float | None:
        """Count the next attempt; the wait before it, None when there is to be none."""
        limits = self._limits
        if 0 < limits.max_attempts <= self.attempt:
            return None
        self.attempt += 1
        if isinstance(error, _SLOW):
            delay_s = limits.refused_delay_s
        else:
            doubled = limits.first_delay_s * 2.0 ** min(self.attempt - 1, 30)
            delay_s = min(limits.longest_delay_s, doubled)
        return delay_s * self._jitter.uniform(1 - _JITTER, 1 + _JITTER)


class ReconnectingSource:
    """A source made of connections, one after the other, until it is cancelled.

    Args:
        connect: Makes the next connection; it is started, and ended, here.
        label: Name of the source in messages, without credentials.
        clock: Tells the age of the last picture and paces the attempts.
        timeline: The session's clock.
        limits: How long is waited.
        jitter: Spreads the attempts of sessions that lost the same camera.
    """

    can_make_keyframes = False

    def __init__(
        self,
        connect: Callable[[], Connection],
        label: str,
        *,
        clock: Clock,
        timeline: Timeline,
        limits: RetryLimits,
        jitter: random.Random | None = None,
    ) -> None:
        self._connect = connect
        self._label = label
        self._clock = clock
        self._timeline = timeline
        self._limits = limits
        self._backoff = Backoff(limits, jitter or random.Random())  # noqa: S311 - no secret
        self._last_picture_ns: int | None = None
        self._refusal: asyncio.Future[ServiceError] | None = None

    def request_keyframe(self) -> None:
        """Do nothing: neither cameras nor devices can be asked."""

    def give_up(self, error: ServiceError) -> bool:
        """End the connection, as after any other failure: a damaged picture may be the cause."""
        if self._refusal is not None and not self._refusal.done():
            self._refusal.set_result(error)
        return True

    async def run(self, sink: SourceSink) -> None:
        """Deliver video until cancelled; every failure is reported and tried again.

        Raises:
            ServiceError: The last failure, once there were too many in a row.
        """
        while True:
            error = await self._read_connection(sink)
            delay_s = self._backoff.next_delay_s(error)
            if delay_s is None:
                raise error
            has_played = self._last_picture_ns is not None
            state = SourceState.RECONNECTING if has_played else SourceState.CONNECTING
            at_ns = self._clock.monotonic_ns() + int(delay_s * 1e9)
            sink.report(state, str(error), SourceRetry(self._backoff.attempt, at_ns))
            await self._clock.sleep_until_ns(at_ns)

    async def _read_connection(self, sink: SourceSink) -> ServiceError:
        """Read one connection until it ends or goes silent; why it did."""
        stretch = _Stretch(sink, self._timeline, self._clock, self._last_picture_ns)
        reading = asyncio.create_task(self._connect().run(stretch), name="sali-connection")
        watching = asyncio.create_task(self._watch(stretch, sink), name="sali-source-watch")
        refusal = self._refusal = asyncio.get_running_loop().create_future()
        both = {reading, watching}
        try:
            await asyncio.wait({*both, refusal}, return_when=asyncio.FIRST_COMPLETED)
            if refusal.done():
                error = refusal.result()
                return SourceError(str(error)) if stretch.has_played else error
            return _outcome(reading, watching, self._label)
        finally:
            stretch.is_closed = True
            for task in both:
                task.cancel()
            await asyncio.wait(both)
            if stretch.last_ns is not None:
                self._last_picture_ns = stretch.last_ns
            if stretch.has_played or (stretch.last_ns is not None and not refusal.done()):
                self._backoff.reset()
            self._refusal = None
            refusal.cancel()

    async def _watch(self, stretch: _Stretch, sink: SourceSink) -> ServiceError:
        """Tell silence; return once a connection is to be given up."""
        started_ns = self._clock.monotonic_ns()
        limits = self._limits
        told_for_ns: int | None = None
        while True:
            now_ns = self._clock.monotonic_ns()
            last_ns = stretch.last_ns
            if last_ns is None:
                if now_ns - started_ns >= limits.open_timeout_s * 1e9:
                    return SourceUnreachableError(
                        f"{self._label} sends no video within {limits.open_timeout_s:g} s"
                    )
            elif now_ns - last_ns >= limits.silent_after_s * 1e9:
                return SourceStalledError(f"{self._label} went silent")
            elif now_ns - last_ns >= limits.stalled_after_s * 1e9 and told_for_ns != last_ns:
                told_for_ns = last_ns
                sink.report(SourceState.STALLED, f"no picture for {limits.stalled_after_s:g} s")
            await self._clock.sleep_until_ns(now_ns + _WATCH_INTERVAL_NS)


class _Stretch:
    """Puts one connection's pictures behind those of the one before, as far as time has gone on.

    It begins with the first picture, not with the connection, and anew when the source's clock goes
    back by more than pictures that are sent out of order do.
    """

    def __init__(
        self, sink: SourceSink, timeline: Timeline, clock: Clock, last_before_ns: int | None
    ) -> None:
        self._sink = sink
        self._timeline = timeline
        self._clock = clock
        self._last_before_ns = last_before_ns
        self._format: StreamFormat | None = None
        self._greatest_ticks = 0
        self._first_ns = 0
        self.last_ns: int | None = None
        self.is_closed = False

    @property
    def has_played(self) -> bool:
        """Whether there was video for a while."""
        return self.last_ns is not None and self.last_ns - self._first_ns >= _PLAYED_NS

    def begin(self, stream: StreamFormat) -> None:
        """Remember how the pictures are coded."""
        self._format = stream

    def picture(self, picture: CodedPicture) -> None:
        """Pass a picture on."""
        if self.is_closed or self._format is None:
            return
        now_ns = self._clock.monotonic_ns()
        if self.last_ns is None:
            reason = "the source was connected again"
            self._first_ns = now_ns
            self._begin_stretch(self._format, now_ns, self._last_before_ns, reason)
            self._greatest_ticks = picture.ticks
        elif picture.ticks < self._greatest_ticks - _BACKWARDS_TICKS:
            reason = "the source's clock went back"
            self._begin_stretch(self._format, now_ns, self.last_ns, reason)
            self._greatest_ticks = picture.ticks
        self._greatest_ticks = max(self._greatest_ticks, picture.ticks)
        self.last_ns = now_ns
        self._sink.packet(
            SourcePacket(
                picture.payload,
                self._timeline.map(picture.ticks),
                picture.is_keyframe,
                picture.arrived_ns,
            )
        )

    def lost(self, pictures: int) -> None:
        """Pass on that pictures came incomplete."""
        if not self.is_closed:
            self._sink.lost(pictures)

    def _begin_stretch(
        self, stream: StreamFormat, now_ns: int, last_ns: int | None, reason: str
    ) -> None:
        if last_ns is None:
            self._sink.begin(stream, None)
            return
        lost_ns = now_ns - last_ns
        self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
        # Within one connection the camera and its layout are the same.
        self._sink.begin(stream, reason, is_same_picture=self.last_ns is not None)


def _outcome(
    reading: asyncio.Task[None], watching: asyncio.Task[ServiceError], label: str
) -> ServiceError:
    """Return why a connection is over; a fault of ours is raised."""
    if not reading.done():
        return watching.result()
    error = reading.exception()
    if error is None:
        return SourceError(f"{label} ended the stream")
    if isinstance(error, ServiceError):
        return error
    raise error
