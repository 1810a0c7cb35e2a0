"""How much sooner our RTSP client hands a picture on than FFmpeg does, side by side.

    python -m tests.bench.rtsp_delay [--pictures 250]

Both read the same stream of the test server at the same time; each picture is known by its bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics

from server.media import container, h264
from server.media.av_connection import AvConnection, Opener
from server.media.clock import SystemClock
from server.media.feed import Connection
from server.media.rtsp.connection import RtspConnection
from tests.fakes.collecting_sink import CollectingSink
from tests.fakes.rtsp_server import RtspServer, why_unavailable


async def measure(url: str, pictures: int) -> list[float]:
    """Return by how many ms each picture came sooner, in the order of arrival."""
    clock = SystemClock()
    own: Connection = RtspConnection(url, transport="tcp", open_timeout_s=5, clock=clock)
    opener = Opener(lambda: container.open_rtsp(url, 5), "ffmpeg", has_whole_pictures=False)
    sinks = CollectingSink(), CollectingSink()
    tasks = [
        asyncio.create_task(connection.run(sink))
        for connection, sink in zip((own, AvConnection(opener, clock)), sinks, strict=True)
    ]
    while min(len(sink.pictures) for sink in sinks) < pictures:
        if any(task.done() for task in tasks):
            raise SystemExit("a connection ended too soon")
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    # FFmpeg's pictures are stamped when their last piece came; they leave when the next begins.
    theirs = sinks[1].pictures
    left = {
        _name(picture.payload): after.arrived_ns for picture, after in itertools.pairwise(theirs)
    }
    return [
        (left[_name(p.payload)] - p.arrived_ns) / 1e6
        for p in sinks[0].pictures
        if _name(p.payload) in left
    ]


def _name(payload: bytes) -> bytes:
    """The slices of a picture: the two may put parameter sets in front in different ways."""
    return b"".join(unit for unit in h264.iter_nal_units(payload) if unit[0] & 0x1F in (1, 5))


def main() -> None:
    """Measure on the test server; print percentiles."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=250)
    arguments = parser.parse_args()
    if reason := why_unavailable():
        raise SystemExit(reason)
    server = RtspServer()
    server.start()
    try:
        sooner = asyncio.run(measure(server.url, arguments.pictures))
    finally:
        server.kill()
    cuts = statistics.quantiles(sooner, n=100)
    print(f"{len(sooner)} pictures at 25 fps; ours came sooner by (ms):")
    print(f"p5 {cuts[4]:.1f}  median {cuts[49]:.1f}  p95 {cuts[94]:.1f}")


if __name__ == "__main__":
    main()
