"""A session whose video comes from elsewhere from some moment on, and what the last source left."""

from __future__ import annotations

from pathlib import Path

import av

from server.media.frame import ModelFrame, SourcePacket, SourceState, StreamFormat
from server.media.source import parse_source
from tests.fakes.pipeline_run import run
from tests.fakes.still_pictures import jpeg
from tests.fakes.video_files import write_video


async def test_viewers_stay_and_the_model_forgets_before_the_first_frame_of_another_source(
    tmp_path: Path,
) -> None:
    small = write_video(tmp_path / "a.mp4", frames=40)
    large = write_video(tmp_path / "b.mp4", frames=12, size=(128, 96))
    async with run(parse_source(str(small), loop=True)) as running:
        await running.until(4)
        await running.pipeline.change_source(parse_source(str(large)))
        assert running.pipeline.spec.label == "b.mp4"
        await running.until_state(SourceState.ENDED)
        assert running.pipeline.relay.viewers == 1
    told = running.events.index("another source")
    before = [e.source_size for e in running.events[:told] if isinstance(e, ModelFrame)]
    after = [e.source_size for e in running.events[told:] if isinstance(e, ModelFrame)]
    assert set(before) == {(48, 64)}
    assert set(after) == {(96, 128)}
    times = [packet.pts for packet in running.packets]
    assert times == sorted(set(times))
    assert running.packets[-1].payload


async def test_a_session_that_has_failed_works_again_with_another_source(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mp4")
    async with run(parse_source(str(tmp_path / "gone.mp4"))) as running:
        await running.until_state(SourceState.FAILED)
        await running.pipeline.change_source(parse_source(str(film)))
        await running.until(3)
        assert running.pipeline.state in (SourceState.PLAYING, SourceState.ENDED)
    assert "another source" not in running.events, "there was no video before"


async def test_a_publisher_may_come_after_a_change_and_not_before(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mp4")
    async with run(parse_source(str(film), loop=True)) as running:
        await running.until(2)
        await running.pipeline.change_source(parse_source("frames"))
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        before = len(running.frames)
        feed.push(jpeg(96, 64), 0)
        await running.until(before + 1)
        assert running.frames[-1].source_size == (64, 96)
        assert "another source" in running.events
        assert running.pipeline.encoders == 1
        await running.pipeline.change_source(parse_source(str(film), loop=True))
        await running.until(before + 3)
        assert running.pipeline.encoders == 0


async def test_closing_while_the_source_changes_leaves_nothing_running(tmp_path: Path) -> None:
    import asyncio

    film = write_video(tmp_path / "a.mp4")
    async with run(parse_source(str(film), loop=True)) as running:
        await running.until(1)
        change = asyncio.create_task(running.pipeline.change_source(parse_source(str(film))))
        await asyncio.sleep(0)
    await change
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "sali-source"]


async def test_old_pictures_do_not_make_the_new_codec_unsuitable(tmp_path: Path) -> None:
    """Pictures of the last, encoded stretch are still being decoded when the next one begins."""
    path = write_video(tmp_path / "a.ts", frames=24)
    with av.open(str(path)) as film:
        coded = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        pipeline = running.pipeline
        pipeline.begin(StreamFormat("mjpeg"), None)
        picture = jpeg(640, 480, pixel_format="yuvj444p")
        for number in range(20):
            pipeline.packet(SourcePacket(picture, 3600 * number, True, 0))
        pipeline.begin(StreamFormat("h264"), "another camera")
        for number, payload in enumerate(coded):
            pts = 3600 * (20 + number)
            pipeline.packet(SourcePacket(payload, pts, number % 6 == 0, 0))
        await running.until_pts(3600 * 43)
        assert pipeline.encoders == 0
        assert [packet.payload for packet in running.packets][-24:] == coded
