"""A coded video played again and again, for publishers; runs in their process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from server.bench.coded_video import CodedVideo
from server.media.clock import SystemClock

_KEPT_TIMES = 40_000

Listener = Callable[[int, int], None]
"""Takes a picture: its number on the machine's clock, and within the round."""


class PacedVideo:
    """Gives each picture to all its listeners at once, at its time, and remembers when that was.

    Pictures are due at multiples of their distance on the machine's monotonic clock, so that two
    publishers of one file, each in a process of its own, send the same picture at the same moment.

    Args:
        video: What is played.
        delay_s: Put off by so much, so that several videos do not send at the same moment.
    """

    def __init__(self, video: CodedVideo, delay_s: float = 0.0) -> None:
        self.video = video
        self.listeners: list[Listener] = []
        self.sent = 0
        self.times: deque[tuple[int, int]] = deque(maxlen=_KEPT_TIMES)
        self._delay_ns = int(delay_s * 1e9)
        self._clock = SystemClock()

    async def run(self) -> None:
        """Play until cancelled."""
        interval_ns = round(1e9 / self.video.fps)
        index = self._clock.monotonic_ns() // interval_ns + 1
        while True:
            await self._clock.sleep_until_ns(index * interval_ns + self._delay_ns)
            number = index % len(self.video.pictures)
            self.times.append((number, self._clock.monotonic_ns()))
            for listener in list(self.listeners):
                listener(index, number)
            self.sent += 1
            index += 1


async def serve_parent(answer: Callable[[str, Any], Any]) -> None:
    """Answer the parent's requests, one JSON object a line, until it closes our standard input."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        request = json.loads(line)
        reply = answer(request["ask"], request.get("with"))
        if asyncio.iscoroutine(reply):
            reply = await reply
        tell_parent(reply)


def tell_parent(content: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()
