"""What is tried with the capture device of v4l2_device.c; runs in a process that has it preloaded.

`python -m tests.fakes.capture_scenarios NAME`, with $FAKE_V4L2 naming the device's folder.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from server.commands.devices import describe
from server.errors import SourceUnreachableError
from server.media.frame import SourceState
from server.media.reconnect import RetryLimits
from server.media.source import check_source, parse_source
from server.media.source_factory import SourceOptions
from server.media.v4l2 import CaptureFormat, CaptureSize, describe_device
from tests.fakes.pipeline_run import Run, run
from tests.fakes.still_pictures import jpeg

DEVICE = "/dev/video90"
FOLDER = Path(os.environ.get("FAKE_V4L2", "/nonexistent"))
_FAST = SourceOptions(retry=RetryLimits(first_delay_s=0.01, longest_delay_s=0.02))


def _source_threads() -> int:
    return sum(thread.name == "sali-source" for thread in threading.enumerate())


async def _until_threads(number: int) -> None:
    """Wait until so many sources are read; one that has ended may still be on its way out."""
    async with asyncio.timeout(30):
        while _source_threads() != number:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.005)


def _handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _reconnections(running: Run) -> int:
    return running.events.count("the source was connected again")


def _brightness(running: Run) -> float:
    return float(np.frombuffer(running.frames[-1].rgb, np.uint8).mean())


async def raw_pictures() -> None:
    check_source(parse_source(f"{DEVICE}?size=64x48&fps=25&format=yuyv422"))
    async with run(parse_source(f"{DEVICE}?format=yuyv422")) as running:
        await running.until(5)
        assert running.frames[-1].source_size == (48, 64)
        assert abs(_brightness(running) - 90) < 20, _brightness(running)
        assert running.pipeline.encoders == 1
        assert running.pipeline.drops["corrupt"] == 0
    await _until_threads(0)


async def jpeg_pictures() -> None:
    (FOLDER / "picture.jpg").write_bytes(jpeg(64, 48, 200))
    async with run(parse_source(f"{DEVICE}?format=mjpeg")) as running:
        await running.until(5)
        assert abs(_brightness(running) - 200) < 3
        (FOLDER / "picture.jpg").write_bytes(jpeg(64, 48, 200)[:100])
        before = running.pipeline.drops["corrupt"]
        await running.until_that(lambda: running.pipeline.drops["corrupt"] > before)
        (FOLDER / "picture.jpg").write_bytes(jpeg(64, 48, 30))
        await running.until_that(lambda: abs(_brightness(running) - 30) < 3)
        assert running.pipeline.state is SourceState.PLAYING


async def a_device_that_freezes() -> None:
    async with run(parse_source(f"{DEVICE}?format=yuyv422"), options=_FAST) as running:
        await running.until(5)
        (FOLDER / "frozen").touch()
        await running.until_state(SourceState.STALLED)
        await running.until_state(SourceState.RECONNECTING)
        assert "went silent" in running.pipeline.reason
        (FOLDER / "frozen").unlink()
        frames = len(running.frames)
        await running.until(frames + 3)
        assert "the source was connected again" in running.events
        (FOLDER / "frozen").touch()
        await running.until_state(SourceState.STALLED)
        began = time.monotonic()
    assert time.monotonic() - began < 1, "closing waits for no picture"
    await _until_threads(0)


async def a_device_that_is_pulled_out() -> None:
    async with run(parse_source(f"{DEVICE}?format=yuyv422"), options=_FAST) as running:
        await running.until(5)
        (FOLDER / "gone").touch()
        await running.until_reason("plug the capture device in")
        assert running.pipeline.state is SourceState.RECONNECTING
        (FOLDER / "gone").unlink()
        frames = len(running.frames)
        await running.until(frames + 3)
        await _until_threads(1)


async def a_device_in_use() -> None:
    (FOLDER / "busy").touch()
    with pytest.raises(SourceUnreachableError, match="used by another program"):
        check_source(parse_source(f"{DEVICE}?format=yuyv422"))


async def fifty_connections() -> None:
    async with run(parse_source(f"{DEVICE}?format=yuyv422"), options=_FAST) as running:
        await running.until(2)
        before = (0, 0)
        for number in range(1, 54):
            (FOLDER / "gone").touch()
            await running.until_state(SourceState.RECONNECTING)
            (FOLDER / "gone").unlink()
            await running.until_state(SourceState.PLAYING)
            await running.until_that(lambda: _reconnections(running) == number)  # noqa: B023
            if number == 3:
                await _until_threads(1)
                before = _handles(), threading.active_count()
        await running.until_that(lambda: (_handles(), threading.active_count()) == before)


async def a_list_of_what_it_delivers() -> None:
    card = describe_device(Path(DEVICE), "/dev/v4l/by-id/usb-fake")
    assert card is not None
    assert (card.name, card.problem) == ("Fake capture card", "")
    assert card.formats == (
        CaptureFormat(
            "yuyv422",
            "YUYV 4:2:2",
            (CaptureSize(64, 48, (29.97, 25.0)), CaptureSize(32, 24, ())),
        ),
        CaptureFormat("mjpeg", "Motion-JPEG", (CaptureSize(64, 48, (29.97, 25.0)),)),
    )
    lines = "\n".join(describe(card))
    source = "/dev/v4l/by-id/usb-fake?size=64x48&fps=29.97&format=yuyv422"
    assert f"sali serve --source '{source}'" in lines, lines
    assert parse_source(source).kind == "capture"
    (FOLDER / "gone").touch()
    gone = describe_device(Path(DEVICE))
    assert gone is not None
    assert gone.problem == "it cannot be opened (no such file or directory)"


SCENARIOS = (
    raw_pictures,
    jpeg_pictures,
    a_device_that_freezes,
    a_device_that_is_pulled_out,
    a_device_in_use,
    fifty_connections,
    a_list_of_what_it_delivers,
)


if __name__ == "__main__":
    asyncio.run({scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[1]]())
