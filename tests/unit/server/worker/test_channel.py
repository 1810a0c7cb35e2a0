from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import numpy as np
import pytest

from server.errors import UnsupportedMessageError
from server.worker.channel import MAX_BODY_BYTES, MAX_HEADER_BYTES, MessageChannel
from server.worker.protocol import Ping, Pong, Step

STEP = Step(session="a", epoch=0, sequence=1, height=2, width=2, age_ms=1.5)


class Pair:
    """Both ends of a stream; `raw` writes what no channel would."""

    def __init__(self, service: MessageChannel, worker: MessageChannel, raw: socket.socket) -> None:
        self.service = service
        self.worker = worker
        self.raw = raw


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    left, right = socket.socketpair()
    service = MessageChannel(left)
    worker = MessageChannel(right)
    yield Pair(service, worker, left)
    await service.aclose()
    await worker.aclose()


async def test_messages_and_bodies_arrive_in_order(pair: Pair) -> None:
    await pair.service.send(STEP, bytes(range(12)))
    await pair.service.send(Ping(nonce=5))
    assert await pair.worker.receive_by_worker() == (STEP, bytes(range(12)))
    assert await pair.worker.receive_by_worker() == (Ping(nonce=5), b"")
    await pair.worker.send(Pong(nonce=5))
    assert await pair.service.receive_by_service() == Pong(nonce=5)


async def test_a_body_larger_than_the_sockets_buffer_arrives_whole(pair: Pair) -> None:
    body = bytes(4_000_000)
    sending = asyncio.create_task(pair.service.send(STEP, body))
    received = await pair.worker.receive_by_worker()
    await sending
    assert received == (STEP, body)


async def test_many_senders_do_not_mix_their_frames(pair: Pair) -> None:
    body = bytes(300_000)
    sending = [
        asyncio.create_task(pair.service.send(STEP.model_copy(update={"sequence": n}), body))
        for n in range(8)
    ]
    sequences = set()
    for _ in sending:
        received = await pair.worker.receive_by_worker()
        assert received is not None
        message, got = received
        assert isinstance(message, Step)
        assert got == body
        sequences.add(message.sequence)
    await asyncio.gather(*sending)
    assert sequences == set(range(8))


async def test_the_end_of_the_stream_is_none_even_within_a_frame(pair: Pair) -> None:
    pair.raw.send(struct.pack("!II", 100, 0) + b"{")
    await pair.service.aclose()
    assert await pair.worker.receive_by_worker() is None


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("!II", 2, 0) + b"{}",
        struct.pack("!II", 3, 0) + b"\xff\xfe\xfd",
        struct.pack("!II", 15, 0) + b'{"type":"nope"}',
        struct.pack("!II", MAX_HEADER_BYTES + 1, 0),
        struct.pack("!II", 2, MAX_BODY_BYTES + 1),
    ],
)
async def test_what_is_no_message_is_an_error(pair: Pair, frame: bytes) -> None:
    pair.raw.send(frame)
    with pytest.raises(UnsupportedMessageError):
        await pair.worker.receive_by_worker()


async def test_a_workers_message_is_foreign_to_a_worker(pair: Pair) -> None:
    await pair.service.send(Pong(nonce=1))
    with pytest.raises(UnsupportedMessageError):
        await pair.worker.receive_by_worker()


async def test_messages_wait_for_a_slow_reader_and_arrive_in_order(pair: Pair) -> None:
    for number in range(3000):
        pair.service.post(STEP.model_copy(update={"sequence": number}), bytes(1000))
    for number in range(3000):
        received = await pair.worker.receive_by_worker()
        assert received is not None
        assert received[0] == STEP.model_copy(update={"sequence": number})


async def test_a_picture_need_not_be_bytes_and_belongs_to_the_receiver(pair: Pair) -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    await pair.service.send(STEP, memoryview(picture))
    received = await pair.worker.receive_by_worker()
    assert received is not None
    arrived = np.frombuffer(received[1], dtype=np.uint8)
    assert arrived.flags.writeable
    assert arrived.tolist() == list(range(12))


async def test_a_sender_learns_that_the_other_end_is_gone(pair: Pair) -> None:
    sending = asyncio.create_task(pair.service.send(STEP, bytes(4_000_000)))
    await asyncio.sleep(0)
    await pair.worker.aclose()
    with pytest.raises(ConnectionError):
        await sending
    pair.service.post(Ping(nonce=1))
    with pytest.raises(ConnectionError):
        await pair.service.send(Ping(nonce=2))


async def test_closing_ends_ones_own_receiving_too(pair: Pair) -> None:
    receiving = asyncio.create_task(pair.service.receive_by_service())
    await asyncio.sleep(0)
    await pair.service.aclose()
    assert await receiving is None
    await pair.service.aclose()
