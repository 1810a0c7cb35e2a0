"""What the network reads from a session's memory, for people who look at it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import MemoryNotReadError, MemoryNotToldError, ResourceNotFoundError
from server.session.ports import MaskWorker
from server.worker.protocol import MemoryRead

READ_INTERVAL_NS = 200_000_000
"""The worker is asked at most once in this time, however many look."""

MAX_MAPS = 4
"""Frames whose maps are asked for at a time; who looks at a fifth waits for its turn."""

_WANTED_NS = 1_000_000_000
_ANSWER_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class _Latest:
    """An answer and when it came."""

    message: MemoryRead
    at_ns: int


class MemoryView:
    """Asks the worker when somebody looks, and keeps the pictures of what is in memory now.

    Nothing happens while nobody looks. The pictures are forgotten with the memory (`forget`).
    Used from one event loop.
    """

    def __init__(
        self,
        session: str,
        worker: MaskWorker,
        *,
        now_ns: Callable[[], int],
        timeout_s: float = _ANSWER_TIMEOUT_S,
    ) -> None:
        """Look at nothing yet.

        Args:
            session: The session's id, open in the worker.
            worker: Whom to ask.
            now_ns: Monotonic clock.
            timeout_s: How long to wait for a picture to be computed.
        """
        self._session = session
        self._worker = worker
        self._now_ns = now_ns
        self._timeout_s = timeout_s
        self._asking = asyncio.Lock()
        self._latest: _Latest | None = None
        self._pictures: dict[int, bytes] = {}
        self._wanted: dict[int, int] = {}
        self._generation = 0

    @property
    def pictures(self) -> frozenset[int]:
        """Frames (`sequence`) whose pictures are here."""
        return frozenset(self._pictures)

    async def read(self, map_of: int | None = None) -> MemoryRead:
        """Tell what the network reads now, at most 200 ms old.

        Args:
            map_of: A frame (`sequence`) of which is asked where in it the network looks; its map
                may come with the next answer only.

        Raises:
            MemoryNotReadError: No picture was computed within a second, or the memory was emptied.
            MemoryNotToldError: The model does not tell.
            WorkerLostError: No worker is ready.
        """
        if map_of is not None:
            self._wanted[map_of] = self._now_ns()
        async with self._asking:
            latest = self._latest
            if latest is not None and self._now_ns() - latest.at_ns < READ_INTERVAL_NS:
                return latest.message
            return await self._ask()

    def picture(self, sequence: int) -> bytes:
        """Return the small JPEG of a frame in memory.

        Raises:
            ResourceNotFoundError: It is not, or no longer, in memory.
        """
        try:
            return self._pictures[sequence]
        except KeyError:
            raise ResourceNotFoundError("no such frame is in memory now") from None

    def forget(self) -> None:
        """Let go of everything: the memory is empty."""
        self._generation += 1
        self._latest = None
        self._pictures.clear()
        self._wanted.clear()

    async def _ask(self) -> MemoryRead:
        """Ask the worker and keep what it answers."""
        generation = self._generation
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._worker.read_memory(
                    self._session, tuple(self._pictures), self._maps()
                )
        except TimeoutError:
            raise MemoryNotReadError("no picture reached the AI within a second") from None
        if generation != self._generation:
            raise MemoryNotReadError("the memory was emptied")
        if not message.is_told:
            raise MemoryNotToldError("the model that runs does not tell what it reads")
        new = {
            frame.sequence: base64.b64decode(frame.picture)
            for frame in message.frames
            if frame.picture is not None
        }
        held = [frame.sequence for frame in message.frames]
        known = self._pictures | new
        self._pictures = {sequence: known[sequence] for sequence in held if sequence in known}
        self._latest = _Latest(message, self._now_ns())
        return message

    def _maps(self) -> tuple[int, ...]:
        """Frames whose maps were asked for lately, the newest wishes first."""
        now_ns = self._now_ns()
        self._wanted = {s: at for s, at in self._wanted.items() if now_ns - at < _WANTED_NS}
        return tuple(sorted(self._wanted, key=lambda s: -self._wanted[s])[:MAX_MAPS])
