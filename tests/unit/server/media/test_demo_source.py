from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from server.errors import SourceError
from server.media.clock import SystemClock
from server.media.demo_source import DemoSettings, DemoSource, default_cache_dir
from server.media.timeline import Timeline
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.server.media.test_file_source import RecordingSink

RENDERER = "tests.fakes.scene_renderer"


def _source(settings: DemoSettings, renderer: str = RENDERER) -> DemoSource:
    return DemoSource(settings, clock=SystemClock(), timeline=Timeline(), renderer=renderer)


async def _play(source: DemoSource, packets: int) -> RecordingSink:
    sink = RecordingSink(VirtualClock())
    task = asyncio.create_task(source.run(sink))
    while len(sink.packets) < packets and not task.done():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    if not task.done():
        task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        await task
    return sink


async def test_the_scene_is_rendered_with_progress_then_played_in_a_loop(tmp_path: Path) -> None:
    settings = DemoSettings(seconds=0.2, width=64, height=48, cache_dir=tmp_path)
    sink = await _play(_source(settings), packets=7)
    assert "rendering the demo scene 60 %" in [reason for _, reason in sink.states]
    assert [reason for _, reason in sink.stretches] == [None, "the video starts again"]


async def test_the_scene_is_rendered_once(tmp_path: Path) -> None:
    settings = DemoSettings(seconds=0.2, width=64, height=48, cache_dir=tmp_path)
    await _play(_source(settings), packets=1)
    sink = await _play(_source(settings, renderer="no.such.module"), packets=1)
    assert sink.states == []


async def test_two_sessions_render_one_scene_between_them(tmp_path: Path) -> None:
    settings = DemoSettings(seconds=0.2, width=64, height=48, cache_dir=tmp_path)
    sinks = await asyncio.gather(*(_play(_source(settings), packets=1) for _ in range(2)))
    waited = [reason for sink in sinks for _, reason in sink.states]
    assert waited.count("rendering the demo scene") == 1
    assert "the demo scene is being rendered" in waited


async def test_a_renderer_that_fails_is_told_with_its_last_line(tmp_path: Path) -> None:
    settings = DemoSettings(seconds=0.2, seed=13, cache_dir=tmp_path)
    with pytest.raises(SourceError, match="could not be rendered: out of paint"):
        await _play(_source(settings), packets=1)


async def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = DemoSettings(cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(SourceError, match="cannot be stored in"):
        await _play(_source(settings), packets=1)


def test_every_parameter_has_its_own_file(tmp_path: Path) -> None:
    base = DemoSettings(cache_dir=tmp_path)
    changes = {"seconds": 5.0, "seed": 1, "width": 320, "height": 240, "fps": 30.0}
    others = [dataclasses.replace(base, **{k: v}) for k, v in changes.items()]
    others.append(dataclasses.replace(base, has_frame_code=True))
    assert len({s.path for s in [base, *others]}) == 7
    assert base.path == DemoSettings(cache_dir=tmp_path).path


def test_the_cache_follows_the_desktop_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/srv/cache")
    assert default_cache_dir() == Path("/srv/cache/sali-live")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache_dir() == Path.home() / ".cache" / "sali-live"
