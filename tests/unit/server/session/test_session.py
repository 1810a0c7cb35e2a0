from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from server.errors import (
    ResourceNotFoundError,
    SessionNotFoundError,
    SourceNotReadyError,
    SourceRefusedError,
    TransitionError,
    ViewerLimitError,
    WorkerLostError,
    WorkerStepError,
)
from server.masks.message import MaskMessage, OriginMessage, RetryFacts, StateMessage
from server.media.frame import SourceRetry, SourceState
from server.media.picture_quality import Poor
from server.media.source import parse_source
from server.media.view import View
from server.session.ai_state import AiState
from server.session.findings import polyp_in_source
from server.session.identity import SessionIdentity
from server.session.mask_loop import MAX_UNDER_WAY
from server.session.session import Session
from server.session.state import SessionState
from server.worker.protocol import Dropped, FoundPolyp
from server.worker.state import WorkerState
from tests.fakes.fake_media import RTP_ORIGIN
from tests.fakes.fake_worker import result_of
from tests.unit.server.session.conftest import World


@pytest.fixture
async def session(world: World) -> AsyncIterator[Session]:
    session = world.session()
    await session.start()
    yield session
    await session.aclose()


async def mask_one(world: World) -> None:
    """Deliver a frame and answer it in time."""
    world.pipeline.put(world.clock.monotonic_ns())
    picture, answer = await world.worker.next_picture()
    answer.set_result(result_of(picture))


async def test_a_frame_becomes_a_mask_message_of_that_frame(world: World, session: Session) -> None:
    reader = session.hub.subscribe()
    world.pipeline.play()
    frame = world.pipeline.put(world.clock.monotonic_ns())
    picture, answer = await world.worker.next_picture()
    assert (picture.sequence, picture.height, picture.width) == (0, 352, 352)
    await world.clock.advance(0.06)
    answer.set_result(result_of(picture, (FoundPolyp(box=(10, 20, 30, 40), area_px=9, score=0.9),)))
    await world.until(lambda: session.frames_masked == 1)
    [mask] = [message for message in reader.take() if isinstance(message, MaskMessage)]
    assert (mask.sequence, mask.pts, mask.region) == (frame.sequence, frame.pts, frame.region)
    assert mask.age_ms == 60.0
    assert mask.latency_p95_ms == 60.0
    assert mask.polyps[0].box == (74.0, 10.0, 30.0, 20.0)
    assert mask.ai_state == "active"


async def test_a_few_frames_are_under_way_and_the_newest_waits(
    world: World, session: Session
) -> None:
    answers = []
    for sequence in range(MAX_UNDER_WAY):
        world.pipeline.put(world.clock.monotonic_ns())
        picture, answer = await world.worker.next_picture()
        assert picture.sequence == sequence
        answers.append((picture, answer))
    for _ in range(3):
        world.pipeline.put(world.clock.monotonic_ns())
    await asyncio.sleep(0.01)
    assert world.worker.pictures.empty()
    picture, answer = answers[0]
    answer.set_result(result_of(picture))
    answers.append(await world.worker.next_picture())
    assert answers[-1][0].sequence == MAX_UNDER_WAY + 2
    for picture, answer in answers[1:]:
        answer.set_result(result_of(picture))
    await world.until(lambda: session.frames_masked == MAX_UNDER_WAY + 1)
    assert session.drops == {"mailbox": 2}


@pytest.mark.hazard("H2")
async def test_a_mask_older_than_250_ms_is_counted_and_not_shown(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    world.pipeline.put(world.clock.monotonic_ns())
    picture, answer = await world.worker.next_picture()
    await world.clock.advance(0.2501)
    answer.set_result(result_of(picture))
    await world.until(lambda: session.drops == {"late": 1})
    assert not [message for message in reader.take() if isinstance(message, MaskMessage)]
    assert session.frames_masked == 0


async def test_a_frame_that_is_too_old_already_is_not_computed(
    world: World, session: Session
) -> None:
    world.pipeline.put(world.clock.monotonic_ns() - 251_000_000)
    await world.until(lambda: session.drops == {"late": 1})
    assert world.worker.pictures.empty()


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (WorkerLostError("gone"), "worker_lost"),
        (WorkerStepError("bad"), "step_failed"),
        (None, "deadline"),
    ],
)
async def test_an_unmasked_frame_is_counted_with_its_cause_and_the_next_one_is_masked(
    world: World, session: Session, failure: Exception | None, cause: str
) -> None:
    world.pipeline.put(world.clock.monotonic_ns())
    picture, answer = await world.worker.next_picture()
    if failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(
            Dropped(session="s1", epoch=0, sequence=picture.sequence, cause="deadline")
        )
    await mask_one(world)
    await world.until(lambda: session.frames_masked == 1)
    assert session.drops == {cause: 1}


@pytest.mark.hazard("H9")
async def test_an_operators_reset_empties_the_memory_and_skips_frames_from_before(
    world: World, session: Session
) -> None:
    before_ns = world.clock.monotonic_ns()
    await world.clock.advance(0.01)
    world.pipeline.put(before_ns)
    session.reset()
    assert world.worker.epochs == {"s1": 1}
    world.pipeline.put(before_ns)
    await world.until(lambda: session.drops == {"mailbox": 1, "reset": 1})
    await mask_one(world)
    await world.until(lambda: session.frames_masked == 1)


@pytest.mark.hazard("H9")
async def test_a_discontinuity_empties_the_memory_and_discards_the_waiting_frame(
    world: World, session: Session
) -> None:
    world.pipeline.put(world.clock.monotonic_ns())
    _, answer = await world.worker.next_picture()
    world.pipeline.put(world.clock.monotonic_ns())
    world.pipeline.events.on_discontinuity("the picture's size changed")
    assert world.worker.epochs == {"s1": 1}
    answer.set_result(Dropped(session="s1", epoch=0, sequence=0, cause="reset"))
    world.pipeline.put(world.clock.monotonic_ns())
    picture, answer = await world.worker.next_picture()
    assert picture.sequence == 2
    answer.set_result(result_of(picture))
    await world.until(lambda: session.frames_masked == 1)


@pytest.mark.hazard("H3")
async def test_a_lost_worker_is_told_and_frames_wait_for_the_next_one(
    world: World, session: Session
) -> None:
    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    world.worker.set_state(WorkerState.LOST, "worker lost, restarting")
    assert session.hub.state.ai_state == "failed"
    assert session.hub.state.ai_reason == "worker lost, restarting"
    assert session.hub.state.source_state == "playing"
    world.pipeline.put(world.clock.monotonic_ns())
    world.worker.set_state(WorkerState.STARTING, "starting the AI")
    assert session.hub.state.ai_state == "warming"
    world.worker.set_state(WorkerState.READY)
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)


@pytest.mark.hazard("H4")
async def test_frames_without_masks_are_told_as_late(world: World, session: Session) -> None:
    world.pipeline.play()
    world.pipeline.put(world.clock.monotonic_ns())
    await world.worker.next_picture()
    await world.clock.advance(0.301)
    world.pipeline.put(world.clock.monotonic_ns())
    await world.until(lambda: session.hub.state.ai_state == "late")


async def test_frames_that_never_reach_the_mailbox_are_told_as_late(
    world: World, session: Session
) -> None:
    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    world.pipeline.arrive()
    await world.until(lambda: "sali_frames_received_total 2.0" in world.metrics.to_text().decode())
    await world.clock.advance(0.301)
    world.pipeline.arrive()
    await world.until(lambda: session.hub.state.ai_state == "late")
    assert session.hub.state.ai_reason == "no picture reaches the AI"


async def test_lateness_is_looked_at_when_it_begins_and_not_at_the_next_tick(
    world: World, session: Session
) -> None:
    """The time of a picture's arrival counts, and the clock is looked at when its time is over."""
    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    await world.clock.advance(0.049)
    world.pipeline.arrive()
    await world.clock.advance(0.299)
    await asyncio.sleep(0.06)
    assert session.hub.state.ai_state == "active"
    await world.clock.advance(0.002)
    await world.until(lambda: session.hub.state.ai_state == "late")


async def test_another_source_takes_the_place_of_the_last(world: World, session: Session) -> None:
    world.pipeline.play()
    viewer, _ = await session.peers.add_viewer("offer")
    await session.change("", parse_source("rtsp://camera/live"))
    assert world.pipeline.spec.kind == "rtsp"
    assert session.identity.spec == world.pipeline.spec
    assert session.identity.name == "Room"
    assert session.peers.viewers == 1
    await session.change("Room 2", None)
    assert session.identity.name == "Room 2"
    assert world.pipeline.spec.kind == "rtsp"
    await session.peers.remove_viewer(viewer)


async def test_a_name_that_was_the_sources_follows_the_source(world: World) -> None:
    spec = parse_source("demo")
    session = world.create_session(SessionIdentity("s2", spec.label, spec, datetime.now(UTC)))
    await session.start()
    await session.change("", parse_source("rtsp://camera/live"))
    assert session.identity.name == "rtsp://camera/live"
    await session.aclose()
    with pytest.raises(SessionNotFoundError):
        await session.change("", parse_source("demo"))


@pytest.mark.hazard("H6", "F6")
async def test_a_silent_source_is_told_as_paused_with_its_reason(
    world: World, session: Session
) -> None:
    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    await world.clock.advance(0.501)
    world.pipeline.set_state(SourceState.RECONNECTING, "camera lost")
    await world.until(lambda: session.hub.state.ai_state == "paused")
    assert session.hub.state.ai_reason == "camera lost"


@pytest.mark.hazard("H8")
async def test_outside_the_body_the_ai_is_paused_at_once_and_told_why(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    world.pipeline.show(View.OUT_OF_BODY)
    assert session.hub.state.ai_state == "paused"
    assert session.hub.state.ai_reason == "outside the body: no masks"
    told = [message for message in reader.take() if isinstance(message, StateMessage)]
    assert told[-1].view == "out_of_body"
    await world.clock.advance(1.0)
    world.pipeline.frames_received += 1
    await asyncio.sleep(0.1)
    assert session.hub.state.ai_state == "paused", "frames without masks are not late ones"
    world.pipeline.show(View.IN_BODY)
    await mask_one(world)
    await world.until(lambda: session.hub.state.ai_state == "active")
    assert session.hub.state.ai_reason == ""


@pytest.mark.hazard("H10", "H13")
async def test_other_imaging_keeps_its_masks_and_says_that_nobody_validated_them(
    world: World, session: Session
) -> None:
    world.pipeline.play()
    world.pipeline.show(View.OTHER_IMAGING)
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    assert session.ai.reason == "other imaging than white light: not validated"
    assert session.hub.state.view == "other_imaging"


@pytest.mark.hazard("H13")
async def test_a_poor_view_keeps_its_masks_and_is_told(world: World, session: Session) -> None:
    world.pipeline.play()
    world.pipeline.show(View.IN_BODY, Poor.BLUR)
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    assert session.ai.reason == "view poor: blurred"
    assert session.hub.state.view_poor == "blur"


async def test_an_instrument_keeps_its_masks_and_is_told(world: World, session: Session) -> None:
    world.pipeline.play()
    world.pipeline.show(View.IN_BODY, instrument=True)
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    assert session.ai.reason == "instrument in view"
    assert session.hub.state.view_instrument


async def test_a_picture_that_is_left_out_of_memory_is_left_out_at_the_worker(
    world: World, session: Session
) -> None:
    for is_left_out in (True, False):
        world.pipeline.put(world.clock.monotonic_ns(), is_left_out=is_left_out)
        picture, answer = await world.worker.next_picture()
        assert picture.is_left_out is is_left_out
        answer.set_result(result_of(picture))


async def test_a_lost_worker_is_told_before_what_the_picture_shows(
    world: World, session: Session
) -> None:
    world.pipeline.play()
    world.pipeline.show(View.BARS)
    world.worker.set_state(WorkerState.LOST, "worker lost, restarting")
    assert session.hub.state.ai_state == "failed"


@pytest.mark.hazard("H12", "H16", "F10")
async def test_a_fault_of_the_mask_loop_ends_masks_and_not_the_session(
    world: World, session: Session
) -> None:
    world.pipeline.put(world.clock.monotonic_ns())
    _, answer = await world.worker.next_picture()
    answer.set_exception(KeyError("bug"))
    await world.until(lambda: session.ai.state is AiState.FAILED)
    assert session.ai.reason == "internal fault (KeyError)"
    assert session.state is SessionState.OPEN
    assert not world.pipeline.is_closed


async def test_viewers_come_when_there_is_video_and_room(world: World, session: Session) -> None:
    with pytest.raises(SourceNotReadyError):
        await session.peers.add_viewer("offer")
    world.pipeline.play()
    viewer, answer = await session.peers.add_viewer("offer")
    assert answer == "clean h264 answer to offer"
    await session.peers.add_viewer("offer")
    with pytest.raises(ViewerLimitError):
        await session.peers.add_viewer("offer")
    await session.peers.remove_viewer(viewer)
    assert session.peers.viewers == 1
    with pytest.raises(ResourceNotFoundError):
        await session.peers.remove_viewer(viewer)


async def test_a_viewers_origin_reaches_the_reader_that_attached_it(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    world.pipeline.play()
    viewer, _ = await session.peers.add_viewer("offer")
    session.hub.attach(reader, viewer)
    world.viewers.connect(viewer)
    assert OriginMessage(viewer=viewer, rtp_origin=RTP_ORIGIN) in reader.take()


async def test_only_a_whip_session_takes_a_publisher(world: World, session: Session) -> None:
    with pytest.raises(SourceRefusedError):
        await session.peers.add_publisher("offer")
    with pytest.raises(ResourceNotFoundError):
        await session.peers.remove_publisher("p1")


async def test_an_ended_session_lets_everything_go(world: World, session: Session) -> None:
    reader = session.hub.subscribe()
    await session.aclose()
    await session.aclose()
    assert session.state is SessionState.CLOSED
    assert reader.is_closed
    assert world.pipeline.is_closed
    assert world.viewers.is_closed
    assert world.worker.epochs == {}
    with pytest.raises(SessionNotFoundError):
        session.reset()
    with pytest.raises(TransitionError):
        await session.start()


async def test_what_is_counted_reaches_the_metrics(world: World, session: Session) -> None:
    await mask_one(world)
    world.pipeline.put(world.clock.monotonic_ns() - 251_000_000)
    await world.until(lambda: session.drops == {"late": 1})
    await session.aclose()
    text = world.metrics.to_text().decode()
    assert "sali_frames_received_total 2.0" in text
    assert "sali_frames_masked_total 1.0" in text
    assert 'sali_drops_total{cause="late"} 1.0' in text
    assert "sali_mask_age_seconds_count 1.0" in text


async def test_the_time_without_masks_to_show_is_counted_by_state(
    world: World, session: Session
) -> None:
    def hidden(state: str) -> float:
        return number(world, f'sali_overlay_hidden_seconds_total{{ai_state="{state}"}}')

    world.pipeline.play()
    await mask_one(world)
    await world.until(lambda: session.ai.state is AiState.ACTIVE)
    while_warming = hidden("warming")
    world.worker.set_state(WorkerState.LOST, "killed")
    await world.until(lambda: session.ai.state is AiState.FAILED)
    await world.clock.advance(2.0)
    await world.until(lambda: hidden("failed") >= 2.0)
    assert hidden("failed") < 2.2
    assert hidden("warming") == while_warming


async def test_every_emptied_memory_and_every_lost_source_is_counted(
    world: World, session: Session
) -> None:
    session.reset()
    world.pipeline.events.on_discontinuity("another publisher")
    for state in (SourceState.RECONNECTING, SourceState.RECONNECTING, SourceState.PLAYING):
        world.pipeline.set_state(state, "")
    assert number(world, 'sali_bank_resets_total{reason="operator"}') == 1
    assert number(world, 'sali_bank_resets_total{reason="another publisher"}') == 1
    assert number(world, "sali_source_reconnects_total") == 1


async def test_the_stages_of_a_mask_sum_to_its_age(world: World, session: Session) -> None:
    captured_ns = world.clock.monotonic_ns()
    await world.clock.advance(0.02)
    world.pipeline.put(captured_ns)
    picture, answer = await world.worker.next_picture()
    await world.clock.advance(0.03)
    answer.set_result(result_of(picture))
    await world.until(lambda: session.frames_masked == 1)
    stages = [
        number(world, f'sali_stage_seconds_sum{{stage="{stage}"}}') for stage in ("media", "worker")
    ]
    age = number(world, "sali_mask_age_seconds_sum")
    assert sum(stages) == pytest.approx(age)
    assert stages == pytest.approx([0.02, 0.03], abs=0.005)


def number(world: World, series: str) -> float:
    """Return the value of one series of the metrics."""
    lines = world.metrics.to_text().decode().splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} "))


def test_a_box_moves_from_mask_pixels_to_source_pixels() -> None:
    polyp = FoundPolyp(box=(100, 50, 10, 20), area_px=150, score=0.9)
    moved = polyp_in_source(polyp, (352, 352), (80, 20, 704, 352))
    assert moved.box == (280.0, 70.0, 20.0, 20.0)
    assert (moved.area_px, moved.score) == (150, 0.9)


async def test_the_next_attempt_to_connect_is_counted_down(world: World, session: Session) -> None:
    reader = session.hub.subscribe()
    at_ns = world.clock.monotonic_ns() + 2_500_000_000
    world.pipeline.set_state(SourceState.RECONNECTING, "no cable", SourceRetry(3, at_ns))

    def told() -> RetryFacts | None:
        states = [m for m in reader.take() if isinstance(m, StateMessage)]
        return states[-1].source_retry if states else None

    assert told() == RetryFacts(attempt=3, in_s=3)
    for left_s in (2, 1, 0):
        await world.clock.advance(1)
        await world.until(lambda left_s=left_s: told() == RetryFacts(attempt=3, in_s=left_s))
    world.pipeline.play()
    assert session.source_retry is None
