from __future__ import annotations

import asyncio
import threading

import pytest

from server.errors import SessionLimitError, SessionNotFoundError, SourceUnreachableError
from server.media.source import SourceSpec
from server.session.admission import Admission
from server.session.registry import SessionRegistry, SourceCheck
from server.session.state import SessionState
from tests.unit.server.session.conftest import World

DEMO = SourceSpec(kind="demo")


TWO = Admission(limit=2, is_set=True, reason="no more")


def registry_of(
    world: World, check: SourceCheck = lambda spec: None, admission: Admission = TWO
) -> SessionRegistry:
    return SessionRegistry(
        world.create_session,
        check_source=check,
        admission=lambda: admission,
        metrics=world.metrics,
    )


async def test_sessions_are_listed_found_and_ended(world: World) -> None:
    registry = registry_of(world)
    first = await registry.create("Room 1", DEMO)
    second = await registry.create("", DEMO)
    assert registry.sessions == [first, second]
    assert registry.get(first.identity.id) is first
    assert (first.identity.name, second.identity.name) == ("Room 1", "phantom")
    await registry.close(first.identity.id)
    assert first.state is SessionState.CLOSED
    with pytest.raises(SessionNotFoundError):
        registry.get(first.identity.id)
    with pytest.raises(SessionNotFoundError):
        await registry.close(first.identity.id)
    await registry.aclose()
    assert second.state is SessionState.CLOSED
    assert registry.sessions == []


async def test_a_full_house_refuses_and_an_ended_session_makes_room(world: World) -> None:
    registry = registry_of(world)
    first = await registry.create("", DEMO)
    await registry.create("", DEMO)
    with pytest.raises(SessionLimitError) as refused:
        await registry.create("", DEMO)
    assert refused.value.retry_after_s is not None
    assert str(refused.value) == "2 sessions are running: no more"
    assert "sali_sessions_refused_total 1.0" in world.metrics.to_text().decode()
    await registry.close(first.identity.id)
    await registry.create("", DEMO)
    await registry.aclose()


async def test_sessions_that_are_being_opened_count_against_the_limit(world: World) -> None:
    gate = threading.Event()

    def slow(spec: SourceSpec) -> None:
        gate.wait(30)

    registry = registry_of(world, slow)
    opening = [asyncio.create_task(registry.create("", DEMO)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(SessionLimitError):
        await registry.create("", DEMO)
    gate.set()
    await asyncio.gather(*opening)
    await registry.aclose()


async def test_a_source_without_video_makes_no_session_and_takes_no_room(world: World) -> None:
    def refuse(spec: SourceSpec) -> None:
        raise SourceUnreachableError("no such file")

    registry = registry_of(world, refuse)
    for _ in range(3):
        with pytest.raises(SourceUnreachableError):
            await registry.create("", DEMO)
    assert registry.sessions == []
    assert await registry.create("", DEMO, is_configured=True) in registry.sessions
    await registry.aclose()


async def test_the_operators_own_sources_are_opened_whatever_was_measured(world: World) -> None:
    registry = registry_of(world, admission=Admission(limit=1, is_set=False, reason="slow"))
    for _ in range(2):
        await registry.create("", DEMO, is_configured=True)
    with pytest.raises(SessionLimitError, match="2 sessions are running: slow"):
        await registry.create("", DEMO)
    await registry.aclose()


async def test_a_limit_the_operator_set_holds_for_the_operators_sources_too(world: World) -> None:
    registry = registry_of(world, admission=Admission(limit=1, is_set=True, reason="set"))
    await registry.create("", DEMO, is_configured=True)
    with pytest.raises(SessionLimitError, match="1 session is running: set"):
        await registry.create("", DEMO, is_configured=True)
    await registry.aclose()


async def test_another_source_is_checked_before_the_last_one_is_left(world: World) -> None:
    checked: list[SourceSpec] = []

    def check(spec: SourceSpec) -> None:
        checked.append(spec)
        if spec.kind == "rtsp":
            raise SourceUnreachableError("nobody there")

    registry = registry_of(world, check)
    session = await registry.create("", DEMO)
    camera = SourceSpec(kind="rtsp", target="rtsp://camera/live")
    with pytest.raises(SourceUnreachableError):
        await registry.change(session.identity.id, spec=camera)
    assert session.identity.spec == DEMO
    program = SourceSpec(kind="frames")
    assert await registry.change(session.identity.id, spec=program) is session
    assert session.identity.spec == world.pipeline.spec == program
    assert checked == [DEMO, camera, program]
    with pytest.raises(SessionNotFoundError):
        await registry.change("nobody", name="Room", spec=None)
    await registry.aclose()


async def test_a_device_in_use_is_not_tried_before_it_delivers_in_another_way(
    world: World,
) -> None:
    checked: list[SourceSpec] = []
    registry = registry_of(world, checked.append)
    device = SourceSpec(kind="capture", target="/dev/video0")
    session = await registry.create("", device)
    faster = SourceSpec(kind="capture", target="/dev/video0?fps=60")
    await registry.change(session.identity.id, spec=faster)
    assert checked == [device]
    await registry.change(
        session.identity.id, spec=SourceSpec(kind="capture", target="/dev/video1")
    )
    assert len(checked) == 2
    await registry.aclose()
