"""Two players side by side: one straight at the source, one behind the relay.

`packet_players`: an RTSP source, and no decoder. The direct player is our own RTSP client: a
picture counts when its last packet is here, and no reader can be sooner. Behind the relay a WHEP
viewer: a picture counts when its last packet is here, decrypted. What is added holds everything
that we do, and what a viewer in Python takes to decrypt.

`browser_players`: a WebRTC source, and Chromium both ways. One page holds two connections, to a
publisher and to the service, and counts a picture when it is decoded. The publishers are twins in
processes of their own that send each picture at the same moment; so neither has to wait for the
other's packets.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.bench.chromium import FLAGS, require_chromium
from server.bench.coded_video import BLOCK_PX, CodedVideo, slices_of
from server.bench.http_client import request
from server.bench.pairing import Arrival
from server.bench.publisher import Publisher
from server.bench.service import Service
from server.bench.whep_viewer import WhepViewer
from server.errors import BenchError
from server.media.clock import SystemClock
from server.media.frame import CodedPicture, StreamFormat
from server.media.rtsp.connection import RtspConnection

if TYPE_CHECKING:
    from playwright.async_api import Page

Collect = Callable[[], Awaitable[tuple[list[Arrival], list[Arrival]]]]
"""Returns which pictures came when, straight and through the relay."""

_SETTLE_S = 2.0
_FIRST_PICTURE_S = 20.0
_CLOCK_ROUNDS = 20


class _Ledger:
    """Which of the known pictures came when."""

    def __init__(self, numbers: dict[bytes, int]) -> None:
        self._numbers = numbers
        self.arrivals: list[Arrival] = []

    def note(self, payload: bytes, at_ns: int) -> None:
        number = self._numbers.get(slices_of(payload))
        if number is not None:
            self.arrivals.append((number, at_ns))


class _Direct:
    """Notes the pictures that come straight from the source (`ConnectionSink`)."""

    def __init__(self, ledger: _Ledger) -> None:
        self._ledger = ledger

    def begin(self, stream: StreamFormat) -> None:
        """Take any."""

    def picture(self, picture: CodedPicture) -> None:
        """Note one."""
        self._ledger.note(picture.payload, picture.arrived_ns)

    def lost(self, pictures: int) -> None:
        """Count nothing: over TCP nothing is lost."""


@contextlib.asynccontextmanager
async def packet_players(service: Service, url: str, video: CodedVideo) -> AsyncIterator[Collect]:
    """Read an RTSP source straight and through the service until the block ends.

    Raises:
        BenchError: No pictures come.
    """
    numbers = video.numbers()
    direct, relayed = _Ledger(numbers), _Ledger(numbers)

    async def collect() -> tuple[list[Arrival], list[Arrival]]:
        return direct.arrivals, relayed.arrivals

    session = await _only_session(service)
    viewer = WhepViewer(service.url, session, relayed.note)
    connection = RtspConnection(url, transport="tcp", open_timeout_s=5, clock=SystemClock())
    reading = asyncio.create_task(connection.run(_Direct(direct)))
    try:
        await viewer.connect()
        await _wait_for_pictures(collect)
        yield collect
    finally:
        reading.cancel()
        await asyncio.wait({reading})
        await viewer.aclose()


@contextlib.asynccontextmanager
async def browser_players(service: Service, file: Path) -> AsyncIterator[Collect]:
    """Watch a WebRTC source straight and through the service, whose source it is already.

    Raises:
        BenchError: Chromium is missing, a connection is refused, or no pictures come.
    """
    path = require_chromium()
    from playwright.async_api import async_playwright

    session = await _only_session(service)
    async with contextlib.AsyncExitStack() as stack:
        twin = stack.enter_context(Publisher("whip", file))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        stack.push_async_callback(browser.close)
        page = await browser.new_page()
        # Any page of the service's origin without a script of its own.
        await page.goto(f"{service.url}/livez")
        await page.evaluate(_PLAYERS, BLOCK_PX)
        offer = await page.evaluate("saliPlayers.open('direct')")
        answer = await asyncio.to_thread(twin.ask, "watch", offer)
        await page.evaluate("(sdp) => saliPlayers.accept('direct', sdp)", answer)
        offer = await page.evaluate("saliPlayers.open('relayed')")
        url = f"{service.url}/v1/sessions/{session}/whep"
        reply = await asyncio.to_thread(request, url, "POST", offer.encode(), "application/sdp")
        if reply.status != 201:
            raise BenchError(f"WHEP was answered {reply.status}: {reply.body[:200]!r}")
        await page.evaluate("(sdp) => saliPlayers.accept('relayed', sdp)", reply.body.decode())
        offset_ns = await _clock_offset_ns(page)

        async def collect() -> tuple[list[Arrival], list[Arrival]]:
            seen: dict[str, list[Any]] = await page.evaluate("saliPlayers.seen")
            direct, relayed = (
                [(int(number), offset_ns + round(at_ms * 1e6)) for number, at_ms in seen[name]]
                for name in ("direct", "relayed")
            )
            return direct, relayed

        await _wait_for_pictures(collect)
        yield collect


async def _only_session(service: Service) -> str:
    await asyncio.to_thread(service.wait_for, "source_state", "playing")
    session: str = (await asyncio.to_thread(service.sessions))[0]["id"]
    return session


async def _wait_for_pictures(collect: Collect) -> None:
    deadline = time.monotonic() + _FIRST_PICTURE_S
    while not all(await collect()):
        if time.monotonic() > deadline:
            raise BenchError("no pictures came, straight or through the relay")
        await asyncio.sleep(0.2)
    await asyncio.sleep(_SETTLE_S)


async def _clock_offset_ns(page: Page) -> int:
    """What makes the page's time ours, to a millisecond or so: it only tells blocks apart."""
    rounds = []
    for _ in range(_CLOCK_ROUNDS):
        before_ns = time.monotonic_ns()
        theirs_ms: float = await page.evaluate("performance.now()")
        after_ns = time.monotonic_ns()
        rounds.append((after_ns - before_ns, (before_ns + after_ns) // 2 - round(theirs_ms * 1e6)))
    return min(rounds)[1]


_PLAYERS = """(block) => {
  const players = {seen: {direct: [], relayed: []}, peers: {}};
  window.saliPlayers = players;

  players.open = async (name) => {
    const peer = new RTCPeerConnection({iceServers: []});
    players.peers[name] = peer;
    const transceiver = peer.addTransceiver('video', {direction: 'recvonly'});
    const {codecs} = RTCRtpReceiver.getCapabilities('video');
    transceiver.setCodecPreferences(codecs.filter((codec) => codec.mimeType === 'video/H264'));
    transceiver.receiver.jitterBufferTarget = 0;
    await peer.setLocalDescription(await peer.createOffer());
    await new Promise((done) => {
      if (peer.iceGatheringState === 'complete') done();
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
    });
    return peer.localDescription.sdp;
  };

  players.accept = async (name, sdp) => {
    const peer = players.peers[name];
    const {track} = peer.getTransceivers()[0].receiver;
    void read(track, players.seen[name]);
    await peer.setRemoteDescription({type: 'answer', sdp});
  };

  const read = async (track, seen) => {
    const reader = new MediaStreamTrackProcessor({track}).readable.getReader();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      const at = performance.now();
      const number = await readNumber(value);
      value.close();
      if (number !== null) seen.push([number, at]);
    }
  };

  const readNumber = async (frame) => {
    const {x, y, height} = frame.visibleRect;
    const width = 16 * block;
    const rect = {x, y: y + height - 2 * block, width, height: 2 * block};
    const bytes = new Uint8Array(frame.allocationSize({rect}));
    // The first plane is luma, its rows without gaps.
    await frame.copyTo(bytes, {rect});
    let number = 0;
    for (let column = 0; column < 16; column++) {
      const at = Math.round((column + 0.5) * block);
      const upper = bytes[Math.round(0.5 * block) * width + at];
      const lower = bytes[Math.round(1.5 * block) * width + at];
      if (Math.abs(upper - lower) < 48) return null;
      number = number * 2 + (upper > lower ? 1 : 0);
    }
    return number;
  };
}"""
