from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer

from sali_core.data.phantom import Phantom, PhantomConfig
from server.errors import InvalidOfferError, SourceError, SourceRefusedError
from server.media.capture import CaptureDevice
from server.media.frame import (
    CodedPacket,
    ModelFrame,
    SourcePacket,
    SourceState,
    StreamFormat,
    VideoInfo,
)
from server.media.frames_source import FramesSource
from server.media.region import AUTO, FULL, Rectangle, rectangle_choice
from server.media.source import parse_source
from server.media.view import View
from server.media.view_watch import ViewLimits
from server.media.whip_source import WhipSource
from tests.fakes.instruments import draw_instrument
from tests.fakes.layouts import Layout
from tests.fakes.pipeline_run import run
from tests.fakes.still_pictures import jpeg, unsupported_jpeg
from tests.fakes.tower_pictures import ebu_bars
from tests.fakes.video_files import write_frames, write_raw_pictures, write_video

CLIPS = Path(__file__).parents[5] / "shared" / "data" / "clips"
_LEFT = Layout("picture on the left", (640, 480), (0, 0, 440, 480))
_RIGHT = Layout("picture on the right", (640, 480), (220, 0, 420, 480))


def _is_near(region: Rectangle, box: Rectangle) -> bool:
    return all(abs(side - told) <= 6 for side, told in zip(region, box, strict=True))


def _decode(packets: list[CodedPacket]) -> dict[int, int]:
    """Decode relayed packets as a viewer would; mean brightness by pts."""
    decoder = av.CodecContext.create(packets[0].codec, "r")
    found: dict[int, int] = {}
    for packet in packets:
        coded = av.Packet(packet.payload)
        coded.pts = packet.pts
        for frame in decoder.decode(coded):
            assert frame.pts is not None
            found[frame.pts] = round(float(frame.to_ndarray(format="rgb24").mean()))
    return found


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "b_frames", "relayed"),
    [
        ("a.mp4", "libx264", "yuv420p", 0, "h264"),
        ("a.webm", "libvpx", "yuv420p", 0, "vp8"),
        ("b.mp4", "libx264", "yuv420p", 2, "h264"),
        ("a.mpg", "mpeg1video", "yuv420p", 0, "h264"),
        ("a.avi", "mjpeg", "yuvj420p", 0, "h264"),
        ("deep.mkv", "libx264", "yuv420p10le", 0, "h264"),
    ],
)
async def test_a_relayed_picture_and_its_model_frame_have_the_same_pts(
    tmp_path: Path, name: str, codec: str, pixel_format: str, b_frames: int, relayed: str
) -> None:
    path = write_video(
        tmp_path / name, codec=codec, pixel_format=pixel_format, b_frames=b_frames, frames=24
    )
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(20)
    seen_by_viewer = _decode(running.packets)
    assert running.pipeline.video == VideoInfo(64, 48, 25.0, relayed)  # type: ignore[arg-type]
    assert [p.pts for p in running.packets] == sorted({p.pts for p in running.packets})
    for frame in running.frames:
        brightness = round(float(np.frombuffer(frame.rgb, np.uint8).mean()))
        assert abs(seen_by_viewer[frame.pts] - brightness) <= 3, "another picture than the viewer's"


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.ts", "libx264")])
@pytest.mark.hazard("H12")
async def test_packets_that_browsers_can_play_are_relayed_to_the_byte(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = write_video(tmp_path / name, codec=codec)
    with av.open(str(path)) as original:
        expected = [bytes(p) for p in original.demux(video=0) if p.size]
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(10)
        assert running.pipeline.encoders == 0
    assert [p.payload for p in running.packets] == expected


async def test_what_browsers_cannot_play_is_encoded_once_for_all_viewers(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mpg", codec="mpeg1video")
    async with run(parse_source(str(path), loop=True)) as running:
        others = [running.pipeline.relay.subscribe() for _ in range(7)]
        await running.until(12)
        assert running.pipeline.encoders == 1
        payloads = [(await other.get()).payload for other in others]
    assert running.pipeline.encoders == 0
    assert set(payloads) == {payloads[0]}


async def test_model_frames_are_numbered_sized_and_describe_their_picture(tmp_path: Path) -> None:
    async with run(parse_source(str(write_video(tmp_path / "a.mp4")))) as running:
        await running.until(12)
    assert [f.sequence for f in running.frames] == list(range(12))
    for number, frame in enumerate(running.frames):
        assert frame.source_size == (48, 64)
        assert frame.region == (0, 0, 64, 48)
        pixels = np.frombuffer(frame.rgb, np.uint8).reshape(352, 352, 3)
        assert abs(float(pixels.mean()) - 10 * number) < 4
    assert running.pipeline.frames_received == 12
    assert running.pipeline.frames_decoded == 12
    assert set(running.pipeline.drops.values()) == {0}


async def test_odd_pictures_are_described_as_viewers_see_them(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", size=(65, 49), codec="mjpeg", pixel_format="yuvj444p")
    async with run(parse_source(str(path))) as running:
        await running.until(3)
    assert running.pipeline.video == VideoInfo(64, 48, 25.0, "h264")
    assert running.frames[0].source_size == (48, 64)


async def test_the_model_forgets_before_the_first_frame_of_another_round(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=6)
    async with run(parse_source(str(path), loop=True)) as running:
        await running.until(10)
    told = running.events.index("the video starts again")
    before = [e.pts // 3600 for e in running.events[:told] if isinstance(e, ModelFrame)]
    after = [e.pts // 3600 for e in running.events[told:] if isinstance(e, ModelFrame)]
    assert before[:4] == [0, 1, 2, 3]
    assert max(before) < 6
    assert after[:2] == [6, 7]


async def test_states_follow_a_file_from_beginning_to_end(tmp_path: Path) -> None:
    async with run(parse_source(str(write_video(tmp_path / "a.mp4")))) as running:
        await running.until_state(SourceState.ENDED)
    assert [state for state, _ in running.states] == [
        SourceState.CONNECTING,
        SourceState.PLAYING,
        SourceState.ENDED,
    ]


async def test_a_file_that_cannot_be_read_fails_with_one_clear_line(tmp_path: Path) -> None:
    async with run(parse_source(str(tmp_path / "gone.mp4"))) as running:
        await running.until_state(SourceState.FAILED)
    assert running.pipeline.reason == f"no such file: {tmp_path / 'gone.mp4'}"


@pytest.mark.hazard("H16")
async def test_pictures_beyond_the_limit_are_refused_before_they_are_decoded(
    tmp_path: Path,
) -> None:
    path = write_video(tmp_path / "big.mp4", size=(4200, 64), frames=2)
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.FAILED)
    assert "too large" in running.pipeline.reason
    assert running.frames == []


@pytest.mark.hazard("H16", "F9")
async def test_a_torn_file_costs_only_its_torn_pictures(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", frames=24)
    torn = bytearray(path.read_bytes())
    middle = len(torn) // 2 // 188 * 188
    torn[middle + 20 : middle + 160] = bytes(140)
    path.write_bytes(torn)
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(12)
    assert running.frames[-1].pts > 18 * 3600


async def test_closing_ends_the_viewers_and_leaves_no_thread(tmp_path: Path) -> None:
    import threading

    path = write_video(tmp_path / "a.mp4")
    async with run(parse_source(str(path), loop=True)) as running:
        await running.until(2)
        assert running.pipeline.relay.viewers == 1
    assert running.pipeline.relay.viewers == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("sali-")]


async def test_the_model_gets_the_endoscopic_picture_only(tmp_path: Path) -> None:
    layout = Layout("octagon", (640, 480), (210, 20, 420, 440), "octagon", texts=((8, 40, 14),))
    path = write_frames(tmp_path / "a.mp4", [layout.render(index) for index in range(30)])
    async with run(parse_source(str(path)), AUTO) as running:
        await running.until(3)
    assert running.events[0] is running.frames[0], "the search is no discontinuity"
    assert running.pipeline.region == running.frames[-1].region
    assert running.pipeline.drops["region"] >= 1
    x, y, width, height = running.frames[-1].region
    assert (abs(x - 210), abs(y - 20)) <= (8, 8)
    assert (abs(width - 420), abs(height - 440)) <= (12, 12)
    seen = np.frombuffer(running.frames[-1].rgb, np.uint8).reshape(352, 352, 3)
    assert seen[120:230, :12].max(axis=2).mean() > 30, "the border is still there"


@pytest.mark.hazard("H8", "H12", "F7")
async def test_a_test_picture_reaches_the_viewers_and_not_the_model(tmp_path: Path) -> None:
    body = [Layout("body", (320, 240), (0, 0, 320, 240)).render(index) for index in range(15)]
    bars = [ebu_bars((240, 320))] * 20
    path = write_frames(tmp_path / "a.mp4", [*body, *bars, *body])
    async with run(parse_source(str(path)), view=ViewLimits()) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(20)
        drops = running.pipeline.drops
    assert running.views == [View.IN_BODY, View.BARS, View.IN_BODY]
    left = running.events.index("the tower sends a test picture")
    before = [e.pts // 3600 for e in running.events[:left] if isinstance(e, ModelFrame)]
    after = [e.pts // 3600 for e in running.events[left:] if isinstance(e, ModelFrame)]
    assert max(before) <= 15 + 7, "masks end within 300 ms"
    assert min(after) >= 35, "and come back with the body"
    assert drops["view"] >= 8
    assert [p.pts // 3600 for p in running.packets] == list(range(50))


@pytest.mark.hazard("H7", "H12", "F8")
async def test_a_frozen_picture_reaches_the_viewers_and_not_the_model(tmp_path: Path) -> None:
    layout = Layout("body", (320, 240), (0, 0, 320, 240))
    moving = [layout.render(index) for index in range(15)]
    path = write_frames(tmp_path / "a.mp4", [*moving, *[moving[-1]] * 40, *moving])
    async with run(parse_source(str(path)), view=ViewLimits(frozen_after_ms=400)) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(30)
    assert running.views == [View.IN_BODY, View.FROZEN, View.IN_BODY]
    masked = [frame.pts // 3600 for frame in running.frames]
    last = max(number for number in masked if number < 14 + 40)
    # The encoder still improves the standing picture for some frames.
    assert 14 + 10 <= last <= 14 + 10 + 10
    assert [p.pts // 3600 for p in running.packets] == list(range(70))


@pytest.mark.parametrize("remembers_poor", [False, True])
async def test_dark_pictures_are_left_out_of_memory_unless_that_is_wanted(
    tmp_path: Path, remembers_poor: bool
) -> None:
    layout = Layout("body", (320, 240), (0, 0, 320, 240))
    light = [layout.render(index) for index in range(8)]
    dark = [(0.2 * layout.render(index)).astype(np.uint8) for index in range(8)]
    path = write_frames(tmp_path / "a.mp4", [*light, *dark])
    limits = ViewLimits(remembers_poor=remembers_poor)
    async with run(parse_source(str(path)), view=limits) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(12)
    for frame in running.frames:
        is_dark = frame.pts // 3600 >= 8
        assert frame.is_left_out == (is_dark and not remembers_poor)


@pytest.mark.parametrize("tells_instruments", [False, True])
async def test_an_instrument_is_told_where_it_is_looked_for_and_keeps_its_masks(
    tmp_path: Path, tells_instruments: bool
) -> None:
    scene = Phantom(PhantomConfig(width=352, height=352, seed=92_000))
    frames = [draw_instrument(scene.render(index).image, 0) for index in range(20)]
    path = write_frames(tmp_path / "a.mp4", frames)
    limits = ViewLimits(tells_instruments=tells_instruments)
    async with run(parse_source(str(path)), view=limits) as running:
        await running.until_state(SourceState.ENDED)
        assert running.pipeline.sight.instrument is tells_instruments
        assert running.pipeline.drops["view"] == 0


async def test_a_video_that_starts_again_keeps_its_region() -> None:
    async with run(parse_source("frames"), AUTO) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for index in range(10):
            await running.show(feed, _LEFT, 3600 * index)
        searched = running.pipeline.drops["region"]
        running.pipeline.begin(StreamFormat("mjpeg"), "it starts again", is_same_picture=True)
        await running.show(feed, _LEFT, 36_000)
        assert running.events[-2] == "it starts again"
        assert running.pipeline.drops["region"] == searched
    assert len({frame.region for frame in running.frames}) == 1


async def test_another_programs_picture_is_looked_for_afresh() -> None:
    async with run(parse_source("frames"), AUTO) as running:
        await running.until_reason("waiting for a program")
        for layout in (_LEFT, _RIGHT):
            feed = running.pipeline.attach_frames()
            for index in range(10):
                await running.show(feed, layout, 3600 * index)
            feed.close()
    told = [event for event in running.events if isinstance(event, str)]
    assert told == ["another program"]
    at = running.events.index("another program")
    before = [e.region for e in running.events[:at] if isinstance(e, ModelFrame)]
    after = [e.region for e in running.events[at:] if isinstance(e, ModelFrame)]
    assert before
    assert after
    assert all(_is_near(region, _LEFT.box) for region in before)
    assert all(_is_near(region, _RIGHT.box) for region in after)


async def test_a_gap_is_no_part_of_the_time_for_which_the_picture_is_looked_for() -> None:
    async with run(parse_source("frames"), AUTO) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        await running.show(feed, _LEFT, 0)
        for index in range(10):
            await running.show(feed, _LEFT, 3 * 90_000 + 3600 * index)
    assert running.frames
    assert all(_is_near(frame.region, _LEFT.box) for frame in running.frames)


async def test_the_model_forgets_before_the_first_frame_of_another_region(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=40, size=(128, 96))
    async with run(parse_source(str(path), loop=True)) as running:
        await running.until(4)
        running.pipeline.choose_region(rectangle_choice(32, 16, 64, 48))
        await running.until(12)
    told = running.events.index("the picture region changed")
    before = [e.region for e in running.events[:told] if isinstance(e, ModelFrame)]
    after = [e.region for e in running.events[told:] if isinstance(e, ModelFrame)]
    assert set(before) == {(0, 0, 128, 96)}
    assert set(after) == {(32, 16, 64, 48)}


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the recorded clips are not there")
async def test_a_recorded_mpeg1_clip_plays_with_every_picture_identified() -> None:
    clip = CLIPS / "murra_Pediculado5.mpg"
    async with run(parse_source(str(clip))) as running:
        await running.until(40)
    relayed = {p.pts for p in running.packets}
    assert running.pipeline.video is not None
    assert (running.pipeline.video.width, running.pipeline.video.height) == (352, 240)
    assert {f.pts for f in running.frames} <= relayed
    assert running.pipeline.drops["corrupt"] == 0


@pytest.mark.parametrize("pixel_format", ["yuyv422", "nv12", "rgb24"])
async def test_raw_pictures_of_a_device_reach_the_model_and_the_viewers(
    tmp_path: Path, pixel_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raw_pictures(tmp_path / "device", pixel_format, pictures=12)
    options = {"pixel_format": pixel_format, "video_size": "64x48", "framerate": "25"}

    def open_device(device: CaptureDevice) -> InputContainer:
        assert device.path == "/dev/video7"
        return av.open(str(path), format="rawvideo", options=options)

    monkeypatch.setattr("server.media.source_factory.open_capture", open_device)
    async with run(parse_source("/dev/video7?fps=25")) as running:
        await running.until(1)
        await running.until_state(SourceState.RECONNECTING)
    assert running.pipeline.reason == "/dev/video7 ended the stream"
    assert running.pipeline.video is not None
    assert running.pipeline.video.codec == "h264"
    seen_by_viewer = _decode(running.packets)
    for frame in running.frames:
        brightness = round(float(np.frombuffer(frame.rgb, np.uint8).mean()))
        assert abs(brightness - 90) <= 3
        assert abs(seen_by_viewer[frame.pts] - 90) <= 3


async def test_a_chosen_region_is_told_at_once_even_if_no_picture_follows(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", size=(128, 96))
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(1)
        assert running.pipeline.region == (0, 0, 128, 96)
        running.pipeline.choose_region(rectangle_choice(33, 16, 64, 200))
        assert running.pipeline.region == (32, 16, 66, 80)
        running.pipeline.choose_region(AUTO)
        assert running.pipeline.region is None
        running.pipeline.choose_region(FULL)
        assert running.pipeline.region == (0, 0, 128, 96)


async def test_pushed_pictures_reach_the_model_and_the_viewers_with_one_pts() -> None:
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for number in range(6):
            pts = feed.push(jpeg(64, 48, 30 * number), 3600 * number)
            await running.until(number + 1)
            assert running.frames[-1].pts == pts
            brightness = round(float(np.frombuffer(running.frames[-1].rgb, np.uint8).mean()))
            assert abs(brightness - 30 * number) <= 3
        assert running.pipeline.state is SourceState.PLAYING
        feed.close()
    seen_by_viewer = _decode(running.packets)
    assert set(seen_by_viewer) <= {frame.pts for frame in running.frames}


async def test_another_size_of_pushed_pictures_clears_the_memory() -> None:
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        first = feed.push(jpeg(64, 48), 0)
        await running.until(1)
        second = feed.push(jpeg(129, 97), 3600)
        await running.until(2)
        assert running.events[1] == "the picture size changed"
        assert running.sizes == [(first, 64, 48), (second, 128, 96)], "as viewers get them"


async def test_a_pushed_picture_that_cannot_be_decoded_costs_itself_only() -> None:
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for number in range(3):
            feed.push(jpeg(64, 48), 3600 * number)
            await running.until(number + 1)
        feed.push(unsupported_jpeg(64, 48), 3600 * 3)
        for number in range(4, 6):
            pts = feed.push(jpeg(64, 48), 3600 * number)
            await running.until(number)
            assert running.frames[-1].pts == pts
        assert running.pipeline.drops["corrupt"] == 1
        assert running.pipeline.state is SourceState.PLAYING


async def test_a_failure_is_final(tmp_path: Path) -> None:
    async with run(parse_source(str(write_video(tmp_path / "a.mp4")), loop=True)) as running:
        await running.until(1)
        pipeline = running.pipeline
        pipeline.decoding_failed(SourceError("it cannot be decoded"))
        received = pipeline.frames_received
        pipeline.packet(SourcePacket(jpeg(64, 48), 0, True, 0))
        pipeline.report(SourceState.STALLED, "silent")
        assert (pipeline.state, pipeline.reason) == (SourceState.FAILED, "it cannot be decoded")
        assert running.states[-1] == (SourceState.FAILED, "it cannot be decoded")
        assert pipeline.frames_received == received


async def test_a_fault_of_a_source_ends_it_for_those_who_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    for source in (FramesSource, WhipSource):
        monkeypatch.setattr(source, "run", fail)
    async with run(parse_source("frames")) as running:
        await running.until_state(SourceState.FAILED)
        with pytest.raises(SourceRefusedError, match=r"ZeroDivisionError.*; start a new"):
            running.pipeline.attach_frames()
    async with run(parse_source("whip")) as running:
        await running.until_state(SourceState.FAILED)
        with pytest.raises(SourceRefusedError, match=r"ZeroDivisionError.*; start a new"):
            await running.pipeline.whip_accept("v=0")


async def test_a_pushed_picture_that_breaks_the_decoder_costs_itself_only() -> None:
    """Its header is in order, and FFmpeg goes by a second one."""
    whole = jpeg(64, 48)
    at = whole.index(b"\xff\xc0")
    length = 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
    header = bytearray(whole[at : at + length])
    header[5:9] = (64).to_bytes(2, "big") + (5000).to_bytes(2, "big")
    two_headed = whole[: at + length] + bytes(header) + whole[at + length :]
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for number in range(3):
            feed.push(two_headed, 7200 * number)
            await running.until_that(lambda: running.pipeline.drops["corrupt"] > number)  # noqa: B023
            pts = feed.push(jpeg(64, 48), 7200 * number + 3600)
            await running.until(number + 1)
            assert running.frames[-1].pts == pts
        assert running.pipeline.state is SourceState.PLAYING


async def test_a_publisher_whose_video_cannot_be_decoded_is_sent_away() -> None:
    async with run(parse_source("whip")) as running:
        await running.until_reason("waiting for a publisher")
        running.pipeline.decoding_failed(SourceError("it cannot be decoded"))
        assert running.pipeline.state is SourceState.CONNECTING
        with pytest.raises(InvalidOfferError):
            await running.pipeline.whip_accept("v=0")


async def test_only_a_session_on_frames_takes_them() -> None:
    async with run(parse_source("whip")) as running:
        with pytest.raises(SourceRefusedError):
            running.pipeline.attach_frames()
