"""Cameras that go away for a while, move, or are cut off, and what people are told meanwhile.

Each outage lasts a second in CI; `make test-outages` runs those of 10 and 60 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from server.errors import UnsupportedCodecError
from server.media.frame import SourceState
from server.media.source import check_source, parse_source
from tests.fakes.pipeline_run import Run, run
from tests.fakes.rtsp_camera import CameraManners, RtspCamera, rtp_packet
from tests.fakes.rtsp_server import RtspServer, why_unavailable
from tests.fakes.tcp_proxy import TcpProxy

_REASON = why_unavailable()
needs_server = pytest.mark.skipif(_REASON is not None, reason=str(_REASON))

OUTAGES_S = [1, *(pytest.param(s, marks=pytest.mark.long) for s in (10, 60))]
_PLAYING_AGAIN_S = 60.0
"""The longest pause between attempts is 5 s and a quarter, and a server takes time to start."""


@pytest.fixture
def server() -> Iterator[RtspServer]:
    running = RtspServer()
    running.start()
    yield running
    running.kill()


async def _lose(running: Run, outage_s: int) -> SourceState:
    """Wait until the outage is told; then for the rest of it. The state that was told first."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await running.until_that(lambda: running.pipeline.state is not SourceState.PLAYING)
    told = running.pipeline.state
    # CI's machines are too busy for a limit in seconds; test_reconnect.py has it by the clock.
    assert outage_s < 10 or loop.time() - began < 2, "dead and silent sources are told within 2 s"
    await asyncio.sleep(outage_s - (loop.time() - began))
    return told


async def _kill(server: RtspServer, running: Run, outage_s: int) -> SourceState:
    """Kill a server whose pictures are shown; see `_lose`."""
    await running.until(5)
    await asyncio.to_thread(server.kill)
    return await _lose(running, outage_s)


async def _plays_again(running: Run) -> None:
    """Wait until new pictures reach the model, viewers included, and check the stretch."""
    frames = len(running.frames)
    packets = len(running.packets)
    await running.until_state(SourceState.PLAYING, _PLAYING_AGAIN_S)
    await running.until(frames + 5, _PLAYING_AGAIN_S)
    assert len(running.packets) > packets
    assert running.pipeline.relay.viewers == 1
    times = [packet.pts for packet in running.packets]
    assert times == sorted(set(times))


@needs_server
@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_a_killed_server_that_comes_back_on_its_port(
    server: RtspServer, outage_s: int
) -> None:
    async with run(parse_source(server.url)) as running:
        assert await _kill(server, running, outage_s) is SourceState.RECONNECTING
        assert running.pipeline.retry is not None
        await asyncio.to_thread(server.start)
        await _plays_again(running)
        assert running.events.count("the source was connected again") == 1


@needs_server
@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_a_killed_server_that_moved_and_sends_us_there(
    server: RtspServer, outage_s: int
) -> None:
    async with run(parse_source(server.url)) as running:
        await _kill(server, running, outage_s)
        moved = RtspServer()
        await asyncio.to_thread(moved.start)
        signpost = RtspCamera(CameraManners(redirect=moved.url))
        signpost.port = server.port
        try:
            async with signpost:
                await _plays_again(running)
        finally:
            moved.kill()


@needs_server
@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_a_killed_server_that_moved_and_whose_new_address_is_told(
    server: RtspServer, outage_s: int
) -> None:
    async with run(parse_source(server.url)) as running:
        await _kill(server, running, outage_s)
        moved = RtspServer()
        await asyncio.to_thread(moved.start)
        try:
            await running.pipeline.change_source(parse_source(moved.url))
            await _plays_again(running)
            assert running.events.count("another source") == 1
        finally:
            moved.kill()


@needs_server
@pytest.mark.parametrize("outage_s", OUTAGES_S)
@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_a_pulled_cable_is_told_though_every_socket_stays_open(
    codec: str, outage_s: int
) -> None:
    server = RtspServer(codec=codec)
    await asyncio.to_thread(server.start)
    try:
        async with (
            TcpProxy(server.port) as cable,
            run(parse_source(f"rtsp://127.0.0.1:{cable.port}/live?transport=tcp")) as running,
        ):
            await running.until(5)
            cable.pull()
            assert await _lose(running, max(3, outage_s)) is SourceState.STALLED
            await running.until_state(SourceState.RECONNECTING)
            cable.plug()
            await _plays_again(running)
    finally:
        server.kill()


@contextlib.contextmanager
def _lost_packets(port: int) -> Iterator[Callable[[], None]]:
    """Have the kernel drop every packet to and from a port of this machine, until it is undone."""
    rules = [["INPUT", "-i", "lo", "-p", "tcp", end, str(port)] for end in ("--dport", "--sport")]

    def change(action: str, *, check: bool) -> None:
        for rule in rules:
            command = ["iptables", action, *rule, "-j", "DROP"]
            subprocess.run(command, check=check, capture_output=True)

    change("-A", check=True)
    try:
        yield lambda: change("-D", check=True)
    finally:
        change("-D", check=False)


def _may_filter_packets() -> bool:
    if shutil.which("iptables") is None:
        return False
    return (
        subprocess.run(["iptables", "-L", "-n"], capture_output=True, check=False).returncode == 0
    )


@needs_server
@pytest.mark.long
@pytest.mark.skipif(not _may_filter_packets(), reason="needs iptables and the right to use it")
@pytest.mark.parametrize("outage_s", [10, 60])
async def test_packets_that_the_network_swallows(server: RtspServer, outage_s: int) -> None:
    """As the cable above, but new connections get no answer either."""
    async with run(parse_source(server.url)) as running:
        await running.until(5)
        with _lost_packets(server.port) as undo:
            assert await _lose(running, outage_s) is SourceState.STALLED
            assert running.pipeline.state is SourceState.RECONNECTING
            undo()
            await _plays_again(running)


async def test_a_codec_that_nobody_knows_is_told_and_tried_rarely() -> None:
    async with RtspCamera(CameraManners(encoding="X-SECRET")) as camera:

        async def send() -> None:
            for number in range(100_000):
                camera.send([rtp_packet(number, 3600 * number, bytes(100), marker=True)])
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        with pytest.raises(UnsupportedCodecError, match="FFmpeg cannot decode"):
            await asyncio.to_thread(check_source, parse_source(camera.url))
        async with run(parse_source(camera.url)) as running:
            await running.until_reason("FFmpeg cannot decode")
            retry = running.pipeline.retry
            assert running.pipeline.state is SourceState.CONNECTING
            assert retry is not None
            assert retry.attempt == 1
        sending.cancel()
