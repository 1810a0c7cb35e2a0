from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.errors import SourceError
from server.media import container, h264
from server.media.file_source import FileReader, FileSource
from server.media.frame import SourcePacket, SourceState, StreamFormat
from server.media.timeline import Timeline
from tests.fakes.video_files import write_video
from tests.fakes.virtual_clock import VirtualClock

_FRAME_NS = 40_000_000


class RecordingSink:
    """Keeps what a source delivers, with the time at which it came."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.packets: list[SourcePacket] = []
        self.times_ns: list[int] = []
        self.stretches: list[tuple[StreamFormat, str | None]] = []
        self.states: list[tuple[SourceState, str]] = []

    def begin(
        self, stream: StreamFormat, reason: str | None, *, is_same_picture: bool = False
    ) -> None:
        assert is_same_picture, "a file's picture stays where it is"
        self.stretches.append((stream, reason))

    def packet(self, packet: SourcePacket) -> None:
        self.packets.append(packet)
        self.times_ns.append(self._clock.monotonic_ns())

    def report(self, state: SourceState, reason: str) -> None:
        self.states.append((state, reason))


async def _play(
    path: Path, *, loop: bool, packets: int, timeline: Timeline | None = None
) -> RecordingSink:
    """Play with a virtual clock until `packets` have come or the file has ended."""
    clock = VirtualClock()
    sink = RecordingSink(clock)
    source = FileSource(str(path), loop=loop, clock=clock, timeline=timeline or Timeline())
    task = asyncio.create_task(source.run(sink))
    while len(sink.packets) < packets and not task.done():
        wait = asyncio.create_task(clock.next_deadline_ns())
        await asyncio.wait({wait, task}, return_when=asyncio.FIRST_COMPLETED)
        if wait.done():
            await clock.advance_to(wait.result())
        wait.cancel()
    task.cancel()
    await asyncio.wait({task})
    return sink


async def test_packets_come_in_real_time(tmp_path: Path) -> None:
    sink = await _play(write_video(tmp_path / "a.mp4", frames=10), loop=False, packets=10)
    start = sink.times_ns[0]
    assert [t - start for t in sink.times_ns] == [n * _FRAME_NS for n in range(10)]
    assert [p.pts for p in sink.packets] == [n * 3600 for n in range(10)]
    assert [p.captured_at_ns for p in sink.packets] == sink.times_ns


async def test_h264_from_mp4_becomes_annex_b_with_headers_in_every_keyframe(
    tmp_path: Path,
) -> None:
    sink = await _play(write_video(tmp_path / "a.mp4", frames=12), loop=False, packets=12)
    assert [p.is_keyframe for p in sink.packets] == [n % 6 == 0 for n in range(12)]
    for packet in sink.packets:
        assert h264.has_idr(packet.payload) == packet.is_keyframe
        assert h264.has_parameter_sets(packet.payload) == packet.is_keyframe


async def test_a_file_played_once_ends(tmp_path: Path) -> None:
    sink = await _play(write_video(tmp_path / "a.mp4", frames=5), loop=False, packets=99)
    assert len(sink.packets) == 5
    assert sink.states == [(SourceState.ENDED, "the video has ended")]


async def test_a_loop_goes_on_without_a_seam_in_time_but_tells_of_it(tmp_path: Path) -> None:
    sink = await _play(write_video(tmp_path / "a.mp4", frames=5), loop=True, packets=14)
    assert [p.pts for p in sink.packets] == [n * 3600 for n in range(14)]
    start = sink.times_ns[0]
    assert [t - start for t in sink.times_ns] == [n * _FRAME_NS for n in range(14)]
    reasons = [reason for _, reason in sink.stretches]
    assert reasons == [None, "the video starts again", "the video starts again"]


async def test_pictures_out_of_order_are_paced_by_decoding_and_stamped_when_due(
    tmp_path: Path,
) -> None:
    path = write_video(tmp_path / "b.mp4", frames=12, b_frames=2, group=12)
    sink = await _play(path, loop=False, packets=12)
    assert sink.stretches[0][0].needs_encoding
    start = sink.times_ns[0]
    assert [t - start for t in sink.times_ns] == [n * _FRAME_NS for n in range(12)]
    pts = [p.pts for p in sink.packets]
    assert pts != sorted(pts)
    assert sorted(pts) == [pts[0] + n * 3600 for n in range(12)]
    due = [p.captured_at_ns - p.pts * 100_000 // 9 for p in sink.packets]
    assert max(due) - min(due) <= 100, "captured when shown, whatever the order"


async def test_after_a_stall_it_goes_on_from_there_without_a_burst(tmp_path: Path) -> None:
    clock = VirtualClock()
    sink = RecordingSink(clock)
    path = write_video(tmp_path / "a.mp4", frames=12)
    source = FileSource(str(path), loop=False, clock=clock, timeline=Timeline())
    task = asyncio.create_task(source.run(sink))
    await clock.next_deadline_ns()
    await clock.advance(3.0)
    before = clock.monotonic_ns()
    while len(sink.packets) < 6:
        await clock.advance_to(await clock.next_deadline_ns())
    assert clock.monotonic_ns() - before >= 3 * _FRAME_NS
    task.cancel()
    await asyncio.wait({task})


async def test_a_file_that_vanished_raises(tmp_path: Path) -> None:
    source = FileSource(
        str(tmp_path / "gone.mp4"), loop=True, clock=VirtualClock(), timeline=Timeline()
    )
    with pytest.raises(SourceError, match="no such file"):
        await source.run(RecordingSink(VirtualClock()))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "told", "needs_encoding"),
    [
        ("a.webm", "libvpx", "yuv420p", "vp8", False),
        ("a.avi", "mjpeg", "yuvj420p", "mjpeg", False),
        ("a.mp4", "libx264", "yuv420p10le", "h264", True),
        ("a.mkv", "libx264", "yuv444p", "h264", True),
    ],
)
def test_what_a_file_holds_is_told(
    tmp_path: Path, name: str, codec: str, pixel_format: str, told: str, needs_encoding: bool
) -> None:
    path = write_video(tmp_path / name, codec=codec, pixel_format=pixel_format)
    reader = FileReader(str(path))
    assert reader.format.codec == told
    assert reader.format.needs_encoding == needs_encoding
    assert reader.format.fps == 25.0
    assert len(reader.read(100)) == 12
    assert reader.read(1) == []
    reader.close()


def test_closing_waits_for_a_read_that_is_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FileReader(str(write_video(tmp_path / "a.mp4", frames=5)))
    reading, go_on, closed = (threading.Event() for _ in range(3))

    def slow_packets() -> Iterator[object]:
        reading.set()
        go_on.wait(10)
        yield from ()

    monkeypatch.setattr(reader, "_packets", slow_packets())
    monkeypatch.setattr(container, "close", lambda _: closed.set())
    threads = [
        threading.Thread(target=reader.read, args=(8,)),
        threading.Thread(target=reader.close),
    ]
    threads[0].start()
    assert reading.wait(10)
    threads[1].start()
    assert not closed.wait(0.05), "FFmpeg would read memory that is gone"
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert closed.is_set()
    assert reader.read(8) == []
