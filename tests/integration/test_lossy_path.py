"""The bad networks that tests put between peers do what they say."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable

from tests.fakes.lossy_path import LossyPath, Tally, Weather, without_candidates
from tests.fakes.slow_stream import SlowStream

WEATHER = Weather(loss=0.1, jitter_ms=40, reorder=0.3, wander_s=0.05)
DATAGRAMS = 400


class _Peer(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: Callable[[bytes, object], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._on_datagram(data, addr)


async def open_peer(
    on_datagram: Callable[[bytes, object], None],
) -> tuple[asyncio.DatagramTransport, int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Peer(on_datagram), local_addr=("127.0.0.1", 0)
    )
    return transport, transport.get_extra_info("sockname")[1]


def answer_of(port: int) -> str:
    return (
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
        f"a=candidate:x 1 udp 2130706431 127.0.0.1 {port} typ host\r\n"
        f"a=candidate:y 1 udp 1694498815 192.0.2.1 {port} typ srflx raddr 0.0.0.0 rport 0\r\n"
        "a=end-of-candidates\r\na=mid:0\r\n"
    )


async def cross(seed: int) -> tuple[list[int], list[int], dict[str, Tally]]:
    """Send numbered datagrams to a peer that sends each back; what arrived at either end."""
    there: list[int] = []
    back: list[int] = []

    def echo(datagram: bytes, sender: object) -> None:
        there.append(int(datagram))
        target.sendto(datagram, sender)  # type: ignore[arg-type]

    target, port = await open_peer(echo)
    client, _ = await open_peer(lambda datagram, _: back.append(int(datagram)))
    path, answer = await LossyPath.lead(answer_of(port), WEATHER, seed)
    assert f" {port} typ" not in answer
    assert "192.0.2.1" not in answer
    for number in range(DATAGRAMS):
        client.sendto(str(number).encode(), path.address)
        await asyncio.sleep(0.001)
    tallies = path.tallies

    def have_all_arrived() -> bool:
        sent_back = tallies["back"].sent
        return (
            tallies["there"].sent == DATAGRAMS
            and len(there) == sent_back == DATAGRAMS - tallies["there"].lost
            and len(back) == sent_back - tallies["back"].lost
        )

    async with asyncio.timeout(60):
        while not have_all_arrived():  # noqa: ASYNC110 - counts
            await asyncio.sleep(0.01)
    for transport in (target, client):
        transport.close()
    path.close()
    return there, back, path.tallies


async def test_a_path_loses_delays_and_reorders_in_both_directions() -> None:
    there, back, tallies = await cross(seed=3)
    assert tallies["there"].sent == DATAGRAMS
    assert len(there) == DATAGRAMS - tallies["there"].lost
    assert len(back) == len(there) - tallies["back"].lost
    for arrived, tally in ((there, tallies["there"]), (back, tallies["back"])):
        assert 0.05 < tally.lost / tally.sent < 0.16
        assert tally.overtaken > 0
        assert arrived != sorted(arrived)
        assert 20 < tally.slowest_ms <= WEATHER.jitter_ms


async def test_the_same_seed_loses_the_same_datagrams() -> None:
    first, _, _ = await cross(seed=5)
    again, _, _ = await cross(seed=5)
    other, _, _ = await cross(seed=6)
    assert sorted(first) == sorted(again)
    assert sorted(first) != sorted(other)


def test_an_offer_without_candidates_keeps_everything_else() -> None:
    left = without_candidates(answer_of(5000))
    assert left == "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"


@contextlib.asynccontextmanager
async def open_stream(jitter_ms: float) -> AsyncIterator[asyncio.StreamReader]:
    """A server that writes a hundred lines behind a slow path; yields the client's reader."""

    served: set[asyncio.Task[None]] = set()

    async def write_lines(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            for number in range(100):
                writer.write(f"{number}\n".encode())
                await writer.drain()
                await asyncio.sleep(0.001)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.create_task(write_lines(writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    slow = SlowStream(("127.0.0.1", server.sockets[0].getsockname()[1]), jitter_ms, seed=1)
    port = await slow.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader
    finally:
        writer.close()
        await slow.aclose()
        server.close()
        await asyncio.gather(*served)


async def test_a_slow_stream_keeps_every_byte_in_order() -> None:
    async with open_stream(jitter_ms=30) as reader:
        text = await asyncio.wait_for(reader.read(-1), 60)
    assert text == b"".join(f"{number}\n".encode() for number in range(100))


async def test_a_slow_stream_that_is_closed_leaves_no_connection_open() -> None:
    """Both ends: what is left open is a ResourceWarning, which fails a test."""
    async with open_stream(jitter_ms=1000) as reader:
        waiting = asyncio.create_task(reader.read(-1))
        await asyncio.sleep(0.05)
    assert await asyncio.wait_for(waiting, 60) == b""
    gc.collect()
