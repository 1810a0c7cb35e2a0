from __future__ import annotations

import asyncio

import pytest

from server.errors import (
    MemoryNotReadError,
    MemoryNotToldError,
    ResourceNotFoundError,
    WorkerLostError,
)
from server.session.memory_view import MAX_MAPS, MemoryView
from server.worker.protocol import MemoryRead
from tests.fakes.fake_worker import FakeWorker, memory_read_of
from tests.fakes.virtual_clock import VirtualClock


class Look:
    """A view of a memory, and the worker that is asked."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self.clock = VirtualClock()
        self.worker = FakeWorker()
        self.view = MemoryView(
            "s1", self.worker, now_ns=self.clock.monotonic_ns, timeout_s=timeout_s
        )

    async def read(self, message: MemoryRead, map_of: int | None = None) -> MemoryRead:
        """Look once; the worker answers with this message."""
        reading = asyncio.create_task(self.view.read(map_of))
        async with asyncio.timeout(30):
            self.known, self.maps, answer = await self.worker.questions.get()
        answer.set_result(message)
        return await reading


async def test_pictures_are_asked_for_once_and_kept_while_their_frames_are_in_memory() -> None:
    look = Look()
    await look.read(memory_read_of({5: 0.4, 10: 0.6}, pictures=(5, 10)))
    assert look.known == ()
    assert look.view.picture(5) == b"jpeg 5"
    await look.clock.advance(0.3)
    await look.read(memory_read_of({10: 0.9, 15: 0.1}, pictures=(15,)))
    assert look.known == (5, 10)
    assert look.view.pictures == {10, 15}
    with pytest.raises(ResourceNotFoundError, match="no such frame"):
        look.view.picture(5)


async def test_however_many_look_the_worker_is_asked_five_times_a_second() -> None:
    look = Look()
    first = await look.read(memory_read_of({5: 1.0}))
    assert await look.view.read() is first
    assert await look.view.read(5) is first
    assert look.worker.questions.empty()
    await look.clock.advance(0.2)
    await look.read(memory_read_of({5: 1.0}, maps=(5,)))
    assert look.maps == (5,)  # what the second looker wanted


async def test_those_who_look_together_share_one_question() -> None:
    look = Look()
    lookers = [asyncio.create_task(look.view.read()) for _ in range(3)]
    _, _, answer = await look.worker.questions.get()
    answer.set_result(memory_read_of({5: 1.0}))
    messages = await asyncio.gather(*lookers)
    assert messages[0] is messages[1] is messages[2]
    assert look.worker.questions.empty()


async def test_maps_are_asked_for_as_long_as_somebody_wants_them_and_never_many() -> None:
    look = Look()
    await look.read(memory_read_of({1: 1.0}), map_of=0)
    for sequence in range(1, MAX_MAPS + 2):
        await look.clock.advance(0.01)
        await look.view.read(sequence)
    await look.clock.advance(0.2)
    await look.read(memory_read_of({1: 1.0}))
    assert look.maps == (5, 4, 3, 2)
    await look.clock.advance(1.0)
    await look.read(memory_read_of({1: 1.0}))
    assert look.maps == ()


async def test_a_new_patient_leaves_nothing_to_look_at() -> None:
    look = Look()
    await look.read(memory_read_of({5: 1.0}, pictures=(5,)))
    look.view.forget()
    assert look.view.pictures == frozenset()
    with pytest.raises(ResourceNotFoundError):
        look.view.picture(5)
    await look.read(memory_read_of({105: 1.0}))
    assert look.known == ()


async def test_an_answer_from_before_a_new_patient_is_thrown_away() -> None:
    look = Look()
    reading = asyncio.create_task(look.view.read())
    _, _, answer = await look.worker.questions.get()
    answer.set_result(memory_read_of({5: 1.0}, pictures=(5,)))
    look.view.forget()
    with pytest.raises(MemoryNotReadError, match="emptied"):
        await reading
    assert look.view.pictures == frozenset()


async def test_without_pictures_for_the_ai_a_look_ends_with_the_reason() -> None:
    look = Look(timeout_s=0.02)
    with pytest.raises(MemoryNotReadError, match="no picture reached the AI"):
        await look.view.read()


async def test_a_model_that_does_not_tell_is_an_error_that_says_so() -> None:
    look = Look()
    silent = memory_read_of({}).model_copy(update={"is_told": False})
    with pytest.raises(MemoryNotToldError, match="does not tell"):
        await look.read(silent)


async def test_a_lost_worker_is_told_to_who_looks() -> None:
    look = Look()
    reading = asyncio.create_task(look.view.read())
    _, _, answer = await look.worker.questions.get()
    answer.set_exception(WorkerLostError("the AI worker was lost"))
    with pytest.raises(WorkerLostError):
        await reading
