"""A worker without a process: a test decides when and how each picture is answered."""

from __future__ import annotations

import asyncio
import base64

import numpy as np

from server.masks import rle
from server.worker.client import Picture, StatusListener
from server.worker.protocol import (
    Capacity,
    Dropped,
    FoundPolyp,
    Hello,
    MemoryFrame,
    MemoryRead,
    Result,
)
from server.worker.state import WorkerState, WorkerStatus

MemoryQuestion = tuple[tuple[int, ...], tuple[int, ...], asyncio.Future[MemoryRead]]
"""Frames whose pictures are known, frames whose maps are wanted, and the answer to set."""

EMPTY_COUNTS = rle.encode(np.zeros((352, 352), dtype=np.bool_))


class FakeWorker:
    """Implements `server.session.ports.MaskWorker`."""

    def __init__(self, state: WorkerState = WorkerState.READY) -> None:
        self.status = WorkerStatus(state)
        self.hello: Hello | None = None
        self.capacity: Capacity | None = None
        self.epochs: dict[str, int] = {}
        self.pictures: asyncio.Queue[tuple[Picture, asyncio.Future[Result | Dropped]]] = (
            asyncio.Queue()
        )
        self.questions: asyncio.Queue[MemoryQuestion] = asyncio.Queue()
        self._listeners: set[StatusListener] = set()
        self._ready = asyncio.Event()
        self._follow()

    def add_listener(self, listener: StatusListener) -> None:
        self._listeners.add(listener)

    def remove_listener(self, listener: StatusListener) -> None:
        self._listeners.discard(listener)

    async def wait_until_ready(self) -> None:
        await self._ready.wait()

    def open(self, session: str) -> None:
        self.epochs[session] = 0

    def reset(self, session: str) -> None:
        self.epochs[session] += 1

    def close(self, session: str) -> None:
        del self.epochs[session]

    async def step(self, picture: Picture) -> Result | Dropped:
        answer: asyncio.Future[Result | Dropped] = asyncio.get_running_loop().create_future()
        self.pictures.put_nowait((picture, answer))
        return await answer

    async def read_memory(
        self, session: str, known: tuple[int, ...], maps: tuple[int, ...]
    ) -> MemoryRead:
        answer: asyncio.Future[MemoryRead] = asyncio.get_running_loop().create_future()
        self.questions.put_nowait((known, maps, answer))
        return await answer

    def set_state(self, state: WorkerState, reason: str = "") -> None:
        """Change the status, as the supervisor would."""
        self.status = WorkerStatus(state, reason)
        self._follow()
        for listener in tuple(self._listeners):
            listener(self.status)

    async def next_picture(self) -> tuple[Picture, asyncio.Future[Result | Dropped]]:
        """Wait for the next picture; set the future to answer it."""
        async with asyncio.timeout(5):
            return await self.pictures.get()

    def _follow(self) -> None:
        if self.status.state is WorkerState.READY:
            self._ready.set()
        else:
            self._ready.clear()


def result_of(picture: Picture, polyps: tuple[FoundPolyp, ...] = ()) -> Result:
    """An answer with an empty mask."""
    return Result(
        session=picture.session,
        epoch=0,
        sequence=picture.sequence,
        size=(352, 352),
        counts=EMPTY_COUNTS,
        polyps=polyps,
        step_ms=12.5,
        batch=1,
    )


def memory_read_of(
    frames: dict[int, float],
    *,
    pictures: tuple[int, ...] = (),
    maps: tuple[int, ...] = (),
    sequence: int = 100,
) -> MemoryRead:
    """An answer about frames (`sequence` to share) taken every tenth of a second."""
    return MemoryRead(
        session="s1",
        epoch=0,
        sequence=sequence,
        pts=sequence * 9000,
        is_told=True,
        map_size=(1, 2),
        frames=tuple(
            MemoryFrame(
                sequence=number,
                pts=number * 9000,
                share=share,
                area=0.25,
                map=base64.b64encode(bytes([255, 0])).decode() if number in maps else None,
                picture=base64.b64encode(b"jpeg %d" % number).decode()
                if number in pictures
                else None,
            )
            for number, share in frames.items()
        ),
    )
