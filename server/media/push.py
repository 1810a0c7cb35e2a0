"""Sends a session's stream to a monitor or a recorder, again and again if need be."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

import structlog

from server.media import h264
from server.media.clock import Clock
from server.media.frame import CodedPacket
from server.media.push_process import FAILED, PACKET_HEAD, SENT
from server.media.push_target import PushTarget
from server.media.relay import PacketSubscription, Relay, RelayClosedError

_MODULE = "server.media.push_process"
_SEND_TIMEOUT_S = 5.0
_MOST_UNSENT = 4
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 10.0

_GOODBYE_S = 1.0

_log = structlog.get_logger(__name__)


Answer = TypeVar("Answer")


class PushState(StrEnum):
    """Where a push stands; the values are those of the wire protocol."""

    CONNECTING = "connecting"
    PUSHING = "pushing"
    RECONNECTING = "reconnecting"
    FAILED = "failed"


@dataclass(frozen=True)
class PushStatus:
    """What people are told of a push; `label` holds no credentials."""

    label: str
    overlay: str
    state: str
    reason: str
    packets_sent: int


class _Sender(NamedTuple):
    """A process of `push_process`, and its two ends."""

    process: Process
    orders: asyncio.StreamWriter
    answers: asyncio.StreamReader


class _PushBrokenError(Exception):
    """A connection ended; `is_final` tells that another one would end the same way."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class _StreamChangedError(Exception):
    """The stream goes on in a way that needs another header."""


class PushOutput:
    """Pushes what a relay carries to one address. Belongs to the session's event loop.

    It reads the relay like any viewer: what it does not take in time is dropped up to the next
    keyframe, counted as `push`. A connection that breaks, or takes nothing for some seconds, is
    made anew for ever, at growing and jittered intervals.

    Args:
        relay: Where the packets come from.
        target: Where they go.
        clock: Waits between connections.
        send_timeout_s: How long the peer may take nothing; also for the connection.
    """

    def __init__(
        self,
        relay: Relay,
        target: PushTarget,
        *,
        clock: Clock,
        send_timeout_s: float = _SEND_TIMEOUT_S,
    ) -> None:
        self._relay = relay
        self._target = target
        self._clock = clock
        self._send_timeout_s = send_timeout_s
        self._state = PushState.CONNECTING
        self._reason = ""
        self._packets_sent = 0
        self._delay_s = _FIRST_DELAY_S
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def status(self) -> PushStatus:
        """Where it stands."""
        return PushStatus(
            self._target.label,
            self._target.overlay,
            self._state.value,
            self._reason,
            self._packets_sent,
        )

    def start(self) -> None:
        """Begin to push, as soon as there are packets."""
        self._task = asyncio.create_task(self._run(), name="sali-push")

    async def aclose(self) -> None:
        """End the connection."""
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        """Push until the relay is closed, or until it can never work."""
        while True:
            try:
                await self._push()
            except RelayClosedError:
                if not self._is_closing:
                    self._report(PushState.FAILED, "the stream has ended")
                return
            except _StreamChangedError:
                continue
            except _PushBrokenError as broken:
                if broken.is_final:
                    self._report(PushState.FAILED, str(broken))
                    return
                self._report(PushState.RECONNECTING, str(broken))
            pause_s = self._delay_s * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
            self._delay_s = min(2 * self._delay_s, _LONGEST_DELAY_S)
            await self._clock.sleep_until_ns(self._clock.monotonic_ns() + round(pause_s * 1e9))

    async def _push(self) -> None:
        """Push over one connection until it breaks."""
        subscription = self._relay.subscribe("push")
        try:
            first = await subscription.get()
            async with _sender() as sender:
                await self._feed(sender, subscription, first)
        finally:
            subscription.close()

    async def _feed(
        self, sender: _Sender, subscription: PacketSubscription, first: CodedPacket
    ) -> None:
        """Give packets to the process; at most `_MOST_UNSENT` of them wait there."""
        head = {
            "url": self._target.url,
            "container": self._target.container,
            "codec": first.codec,
            "timeout_s": self._send_timeout_s,
        }
        sender.orders.write(json.dumps(head).encode() + b"\n")
        slots = asyncio.Semaphore(_MOST_UNSENT)
        sent = asyncio.create_task(self._follow(sender, slots))
        try:
            packet = first
            header = h264.parameter_sets(first.payload)
            while True:
                _refuse_other_header(packet, first, header)
                await _unless_ended(slots.acquire(), sent)
                sender.orders.write(
                    PACKET_HEAD.pack(len(packet.payload), packet.pts, packet.is_keyframe)
                )
                sender.orders.write(packet.payload)
                packet = await _unless_ended(subscription.get(), sent)
        finally:
            sent.cancel()
            # What it raised was raised to us already, or does not matter any more.
            with suppress(_PushBrokenError, asyncio.CancelledError):
                await sent

    async def _follow(self, sender: _Sender, slots: asyncio.Semaphore) -> None:
        """Count what the process says it sent.

        Raises:
            _PushBrokenError: The process has ended, always in the end.
        """
        while answer := await sender.answers.read(1):
            if answer == FAILED:
                told = json.loads(await sender.answers.readline())
                raise _PushBrokenError(told["reason"], is_final=told["is_final"])
            if answer == SENT:
                self._packets_sent += 1
                self._delay_s = _FIRST_DELAY_S
                slots.release()
                if self._state is not PushState.PUSHING:
                    self._report(PushState.PUSHING, "")
        if await sender.process.wait() == -signal.SIGALRM:
            raise _PushBrokenError(f"the peer took nothing for {self._send_timeout_s:g} s")
        raise _PushBrokenError("the process that pushes has ended")

    def _report(self, state: PushState, reason: str) -> None:
        if state is not self._state:
            _log.info("push_state", state=state.value, peer=self._target.label, reason=reason)
        self._state = state
        self._reason = reason


def _refuse_other_header(packet: CodedPacket, first: CodedPacket, header: bytes) -> None:
    """Refuse a packet that needs another header than the connection was begun with."""
    if packet.codec != first.codec:
        raise _StreamChangedError
    is_start = packet.is_keyframe and packet.codec == "h264"
    if is_start and h264.parameter_sets(packet.payload) != header:
        raise _StreamChangedError


@asynccontextmanager
async def _sender() -> AsyncIterator[_Sender]:
    """Start a process and make sure that it ends, even if we are cancelled while it starts."""
    starting = asyncio.create_task(_start_sender())
    try:
        yield await asyncio.shield(starting)
    finally:
        ending = asyncio.create_task(_end(await starting))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending
            raise


async def _start_sender() -> _Sender:
    """Start the process; the service's settings, its token among them, stay here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SALI_")}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _MODULE, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=kept
        )
    except OSError as exc:
        raise _PushBrokenError(f"no process can be started ({exc.strerror})") from exc
    if process.stdin is None or process.stdout is None:
        raise _PushBrokenError("the process has no pipes")
    return _Sender(process, process.stdin, process.stdout)


async def _end(sender: _Sender) -> None:
    """Let the process say goodbye, then make sure that it is gone."""
    sender.orders.close()
    try:
        await asyncio.wait_for(sender.process.wait(), _GOODBYE_S)
    except TimeoutError:
        sender.process.kill()
        await sender.process.wait()


async def _unless_ended(
    work: Coroutine[object, object, Answer], process: asyncio.Task[None]
) -> Answer:
    """Do `work`, unless the process ends first: then raise what it ended with."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, process}, return_when=asyncio.FIRST_COMPLETED)
        if process.done():
            process.result()
        return await task
    finally:
        task.cancel()
