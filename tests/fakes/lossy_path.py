"""A UDP path between two WebRTC peers that loses, delays and reorders datagrams, by a seed.

`LossyPath.open` listens on an address of its own and passes each datagram on to the target, and
the answers back to whoever sent, as a router in a bad network would. The peers are led over it by
their SDP: the offer keeps no candidates (`without_candidates`), so the answering side cannot send
past the path; the answer names the path (`LossyPath.lead`) instead of the target.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Address = tuple[str, int]

_CANDIDATE = re.compile(
    r"a=candidate:(?P<head>\S+ 1 udp \d+) (?P<host>[\d.]+) (?P<port>\d+)[^\r\n]*"
)
_ANY_CANDIDATE = re.compile(r"^a=(candidate:.*|end-of-candidates)\r?\n", re.MULTILINE)


@dataclass(frozen=True)
class Weather:
    """How bad a path is, in each direction.

    Attributes:
        loss: Share of the datagrams that never arrive.
        jitter_ms: The delay wanders between 0 and this.
        wander_s: How long it takes from one level to the next.
        reorder: Share of the datagrams whose delay is drawn alone, between 0 and `jitter_ms`, so
            that they overtake others or are overtaken. 1: every datagram's is.
    """

    loss: float = 0.0
    jitter_ms: float = 0.0
    wander_s: float = 1.0
    reorder: float = 0.0


@dataclass
class Tally:
    """What one direction did with its datagrams."""

    sent: int = 0
    lost: int = 0
    overtaken: int = 0
    slowest_ms: float = 0.0


class _Direction:
    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather = weather
        self.tally = Tally()
        # Two of them, so that what is lost depends on the datagram's number alone, not on time.
        self._chance = random.Random(seed)  # noqa: S311
        self._level_chance = random.Random(seed)  # noqa: S311
        self._levels: list[float] = []
        self._newest_delivered = 0

    def carry(self, now: float, deliver: Callable[[], None]) -> None:
        """Deliver a datagram now, later or never."""
        self.tally.sent += 1
        number = self.tally.sent
        is_lost = self._chance.random() < self.weather.loss
        delay_ms = self._delay_ms(now)
        if is_lost:
            self.tally.lost += 1
            return
        self.tally.slowest_ms = max(self.tally.slowest_ms, delay_ms)

        def arrive() -> None:
            if number < self._newest_delivered:
                self.tally.overtaken += 1
            self._newest_delivered = max(number, self._newest_delivered)
            deliver()

        asyncio.get_running_loop().call_later(delay_ms / 1000, arrive)

    def _delay_ms(self, now: float) -> float:
        """The wandering level, or a delay of its own."""
        alone, own = self._chance.random(), self._chance.random()
        share = own if alone < self.weather.reorder else self._level(now)
        return share * self.weather.jitter_ms

    def _level(self, now: float) -> float:
        """Between two drawn levels, smoothly."""
        place = now / self.weather.wander_s
        index = int(place)
        while len(self._levels) < index + 2:
            self._levels.append(self._draw_level(len(self._levels)))
        mix = (1 - math.cos(math.pi * (place - index))) / 2
        return self._levels[index] * (1 - mix) + self._levels[index + 1] * mix

    def _draw_level(self, index: int) -> float:
        """Every other level is low, so that the whole range is crossed again and again."""
        draw = self._level_chance.random()
        return draw * 0.3 if index % 2 == 0 else 0.5 + draw * 0.5


class LossyPath:
    """Stands between clients and one target. Belongs to the event loop that opened it."""

    def __init__(self, target: Address, weather: Weather, seed: int) -> None:
        """Use `open`."""
        self.address: Address = ("", 0)
        self._target = target
        self._start = asyncio.get_running_loop().time()
        self._there = _Direction(weather, seed)
        self._back = _Direction(weather, seed + 1)
        self._front: asyncio.DatagramTransport | None = None
        self._behind: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @classmethod
    async def lead(cls, answer: str, weather: Weather, seed: int) -> tuple[LossyPath, str]:
        """Open a path to the peer that wrote an SDP answer.

        Returns:
            The path, and the answer with the path's address in the place of the peer's.
        """
        match = _CANDIDATE.search(answer)
        if match is None:
            raise ValueError("the answer has no candidate to put a path before")
        path = cls((match["host"], int(match["port"])), weather, seed)
        await path._open(match["host"])
        host, port = path.address
        own = f"a=candidate:{match['head']} {host} {port} typ host\r\na=end-of-candidates\r\n"
        return path, without_candidates(answer).rstrip("\r\n") + "\r\n" + own

    @property
    def tallies(self) -> dict[str, Tally]:
        """What happened on the way to the target and back."""
        return {"there": self._there.tally, "back": self._back.tally}

    def close(self) -> None:
        """Carry nothing any more; what is under way is lost."""
        self._is_closed = True
        for transport in [self._front, *self._behind.values()]:
            if transport is not None:
                transport.close()

    async def _open(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(self._from_client), local_addr=(host, 0)
        )
        self.address = self._front.get_extra_info("sockname")[:2]

    def _from_client(self, datagram: bytes, client: Address) -> None:
        def deliver() -> None:
            if self._is_closed:
                return
            behind = self._behind.get(client)
            if behind is not None:
                behind.sendto(datagram, self._target)
                return
            task = asyncio.get_running_loop().create_task(self._open_behind(client, datagram))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

        self._there.carry(self._now(), deliver)

    async def _open_behind(self, client: Address, first: bytes) -> None:
        """Give a client its own address on the target's side."""

        def deliver_back(datagram: bytes, _: Address) -> None:
            self._back.carry(self._now(), lambda: self._send_back(datagram, client))

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Receiver(deliver_back), local_addr=(self.address[0], 0)
        )
        if client in self._behind or self._is_closed:
            transport.close()
        else:
            self._behind[client] = transport
        if not self._is_closed:
            self._behind[client].sendto(first, self._target)

    def _send_back(self, datagram: bytes, client: Address) -> None:
        if self._front is not None and not self._is_closed:
            self._front.sendto(datagram, client)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._start


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._on_datagram(data, addr[:2])


def without_candidates(sdp: str) -> str:
    """Remove every candidate: the sender of such an offer can be reached only by answering it."""
    return _ANY_CANDIDATE.sub("", sdp)
