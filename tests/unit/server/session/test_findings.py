"""Findings of a session: what a worker's masks make of them, and what readers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from server.errors import FindingNotFoundError
from server.findings.persistence import PersistenceRule
from server.masks import rle
from server.masks.finding import FindingMessage, FindingsRemovedMessage
from server.masks.hub import MaskSubscription
from server.masks.message import MaskMessage
from server.media.source import SourceSpec
from server.session.identity import SessionIdentity
from server.session.session import Session
from server.worker.protocol import FoundPolyp
from tests.fakes.fake_worker import result_of
from tests.unit.server.session.conftest import World

MASK = np.zeros((352, 352), dtype=np.bool_)
MASK[100:140, 100:150] = True
MASK[300:310, 20:30] = True
POLYP = FoundPolyp(box=(100, 100, 50, 40), area_px=2000, score=0.9)
SPECK = FoundPolyp(box=(20, 300, 10, 10), area_px=100, score=0.7)


@pytest.fixture
async def session(world: World) -> AsyncIterator[Session]:
    session = world.session()
    await session.start()
    world.pipeline.play()
    yield session
    await session.aclose()


async def show(world: World, session: Session, *polyps: FoundPolyp, times: int = 1) -> None:
    """Answer so many frames of 25 a second with these polyps."""
    mask = np.zeros_like(MASK)
    for x, y, width, height in (polyp.box for polyp in polyps):
        mask[y : y + height, x : x + width] = MASK[y : y + height, x : x + width]
    for _ in range(times):
        world.pipeline.put(world.clock.monotonic_ns())
        picture, answer = await world.worker.next_picture()
        masked = session.frames_masked
        counts = rle.encode(mask)
        answer.set_result(result_of(picture, polyps).model_copy(update={"counts": counts}))
        await world.until(lambda: session.frames_masked == masked + 1)  # noqa: B023
        await world.clock.advance(0.04)


def take_masks(reader: MaskSubscription) -> list[MaskMessage]:
    masks = [message for message in reader.take() if isinstance(message, MaskMessage)]
    for mask in masks:
        reader.acknowledge(mask.sequence)
    return masks


def take_findings(reader: MaskSubscription) -> list[FindingMessage | FindingsRemovedMessage]:
    kinds = FindingMessage | FindingsRemovedMessage
    return [message for message in reader.take() if isinstance(message, kinds)]


async def test_a_polyp_is_told_when_it_lasted_and_gets_its_picture(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    await show(world, session, POLYP, times=4)
    assert session.findings.findings == []
    assert take_findings(reader) == []
    await show(world, session, POLYP)
    await world.until(lambda: session.findings.findings[0].still is not None)
    told = [m.finding for m in take_findings(reader) if isinstance(m, FindingMessage)]
    assert [finding.id for finding in told] == ["f1"]
    finding = session.findings.findings[0]
    assert finding == told[-1]
    assert finding.first_seen_pts == 0
    assert finding.last_seen_pts == 4 * 3600
    elapsed = finding.last_seen_at - finding.first_seen_at
    assert elapsed == timedelta(milliseconds=160)
    assert finding.first_seen_at == session.identity.created_at
    assert finding.largest_share == round(2000 / 352**2, 4)
    still = finding.still
    assert still is not None
    assert (still.pts, still.region) == (4 * 3600, (64, 0, 352, 176))
    assert still.box == (164.0, 50.0, 50.0, 20.0)
    assert rle.decode(still.rle.counts, *still.rle.size).sum() == 2000
    assert Image.open(BytesIO(session.findings.still("f1"))).size == (352, 176)


async def test_masks_say_which_polyp_is_which_and_whether_it_lasted(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    await show(world, session, POLYP)
    [mask] = take_masks(reader)
    assert (mask.polyps[0].track, mask.polyps[0].confirmed) == (1, False)
    assert mask.confirmed_rle is not None
    assert not rle.decode(mask.confirmed_rle.counts, 352, 352).any()
    await show(world, session, POLYP, times=5)
    [mask] = take_masks(reader)
    assert (mask.polyps[0].track, mask.polyps[0].confirmed) == (1, True)
    assert mask.confirmed_rle is None
    await show(world, session, POLYP, SPECK)
    [mask] = take_masks(reader)
    assert [(polyp.track, polyp.confirmed) for polyp in mask.polyps] == [(1, True), (2, False)]
    assert rle.decode(mask.rle.counts, 352, 352).sum() == 2100
    assert mask.confirmed_rle is not None
    assert rle.decode(mask.confirmed_rle.counts, 352, 352).sum() == 2000


@pytest.mark.hazard("H2")
async def test_no_mask_outlives_what_the_network_finds(world: World, session: Session) -> None:
    reader = session.hub.subscribe()
    await show(world, session, POLYP, times=20)
    take_masks(reader)
    await show(world, session)
    [mask] = take_masks(reader)
    assert mask.polyps == ()
    assert mask.confirmed_rle is None
    assert not rle.decode(mask.rle.counts, 352, 352).any()


@pytest.mark.hazard("H9")
async def test_a_new_patient_has_no_findings_and_readers_are_told(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    await show(world, session, POLYP, times=6)
    await world.until(lambda: session.findings.findings[0].still is not None)
    take_findings(reader)
    session.reset()
    assert session.findings.findings == []
    assert session.findings.tracks == 0
    assert take_findings(reader) == [FindingsRemovedMessage(ids=("f1",))]
    with pytest.raises(FindingNotFoundError):
        session.findings.still("f1")


async def test_a_discontinuity_ends_tracks_but_keeps_findings(
    world: World, session: Session
) -> None:
    reader = session.hub.subscribe()
    await show(world, session, POLYP, times=6)
    session.on_discontinuity("no video for more than two seconds")
    assert [finding.is_in_sight for finding in session.findings.findings] == [False]
    take_masks(reader)
    await show(world, session, POLYP)
    [mask] = take_masks(reader)
    assert (mask.polyps[0].track, mask.polyps[0].confirmed) == (2, False)


async def test_what_is_burned_in_follows_the_sessions_choice(
    world: World, session: Session
) -> None:
    drawn: list[int | None] = []
    session.hub.add_listener(
        lambda mask: drawn.append(
            None
            if mask.drawn_rle is None
            else int(rle.decode(mask.drawn_rle.counts, 352, 352).sum())
        )
    )
    await show(world, session, POLYP)
    session.findings.choose(PersistenceRule(240, 0.66), "confirmed")
    await show(world, session, POLYP, times=4)
    await show(world, session, POLYP, SPECK)
    assert drawn == [None, 0, 0, 0, None, 2000]


async def test_findings_are_counted(world: World, session: Session) -> None:
    await show(world, session, POLYP, times=6)
    text = world.metrics.to_text().decode()
    assert "sali_findings_announced_total 1.0" in text
    assert session.findings.tracks == 1


async def test_two_sessions_know_nothing_of_each_others_polyps(world: World) -> None:
    one = world.session()
    await one.start()
    world.pipeline.play()
    await show(world, one, POLYP, times=6)
    spec = SourceSpec(kind="demo")
    other = world.create_session(SessionIdentity("s2", "Room 2", spec, datetime.now(UTC)))
    await other.start()
    assert (len(one.findings.findings), other.findings.findings) == (1, [])
    await one.aclose()
    await other.aclose()
