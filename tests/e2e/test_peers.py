"""Publishers and players that this project did not write, against the service."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sali_core.data.phantom.frame_code import read_frame_code
from tests.e2e.browser import Service, open_page, serve, video_picture
from tests.e2e.lossy_room import SPELLING, Viewer, instrument
from tests.fakes import gst_whep
from tests.fakes.code_publisher import write_changing_film
from tests.fakes.ffmpeg_whip import ffmpeg_publisher

pytestmark = pytest.mark.e2e

CLIENT = Path(__file__).resolve().parents[2] / "client_web"
PLAY = """async (url) => {
  const video = document.createElement('video');
  video.muted = true;
  video.autoplay = true;
  document.body.replaceChildren(video);
  window.player = new peers.WebRTCPlayer({video, type: 'whep', iceServers: []});
  await window.player.load(new URL(url));
}"""
PUBLISH = """async (url) => {
  const stream = await navigator.mediaDevices.getUserMedia(
    {video: {width: 640, height: 480, frameRate: 25}, audio: false});
  stream.getVideoTracks()[0].contentHint = 'detail';
  window.client = new peers.WHIPClient({endpoint: url, opts: {iceServers: []}});
  await window.client.ingest(stream);
  return window.client.getResourceUrl();
}"""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published clients as one script."""
    if shutil.which("node") is None or not (CLIENT / "node_modules/@eyevinn").is_dir():
        pytest.skip("the web client's packages are not installed (`make web`)")
    script = tmp_path_factory.mktemp("peers") / "peers.js"
    subprocess.run(
        ["node", "scripts/bundlePeers.mjs", str(script)], cwd=CLIENT, check=True, timeout=180
    )
    return script


def numbers_shown(page: Any, wanted: int, timeout_s: float = 120) -> list[int]:
    """The numbers that a player's pictures carry, until there are so many."""
    numbers: list[int] = []
    deadline = time.monotonic() + timeout_s
    while len(numbers) < wanted and time.monotonic() < deadline:
        page.wait_for_timeout(40)
        picture = video_picture(page)
        number = None if picture is None else read_frame_code(picture)
        if number is not None and number not in numbers[-1:]:
            numbers.append(number)
    return numbers


def wait_for_viewers(service: Service, count: int, timeout_s: float = 20) -> None:
    """Sooner than a player that only fell silent would be given up."""
    deadline = time.monotonic() + timeout_s
    while service.sessions()[0]["viewers"] != count:
        assert time.monotonic() < deadline, service.sessions()
        time.sleep(0.1)


def watch_masks(page: Any, service: Service) -> None:
    """Open our viewer: it draws masks, each on its own frame."""
    instrument(page)
    page.goto(f"{service.url}/#/session/{service.sessions()[0]['id']}")
    figures = Viewer(page).wait_until(lambda f: f.masks >= 15, 120)
    assert figures.masks >= 15
    assert figures.wrong == figures.unclear == 0, figures.examples


@pytest.mark.long
def test_ffmpeg_publishes_and_begins_the_handshake(tmp_path: Path) -> None:
    with serve(tmp_path, "whip", environment=SPELLING) as service:
        session = service.wait_for("source_state", "connecting")
        endpoint = f"{service.url}/v1/sessions/{session['id']}/whip"
        with ffmpeg_publisher(endpoint, tmp_path / "ffmpeg.log", is_active=True):
            assert service.wait_for("source_state", "playing")["encoders"] == 0


def test_ffmpeg_publishes_and_a_published_player_plays(peers: Path, tmp_path: Path) -> None:
    """FFmpeg's whip muxer in, @eyevinn/webrtc-player and our viewer out."""
    with serve(tmp_path, "whip", environment=SPELLING) as service:
        session = service.wait_for("source_state", "connecting")
        endpoint = f"{service.url}/v1/sessions/{session['id']}"
        log = tmp_path / "ffmpeg.log"
        with ffmpeg_publisher(f"{endpoint}/whip", log, is_active=False), open_page() as page:
            service.wait_for("ai_state", "active")
            page.add_init_script(path=peers)
            page.goto(service.url)
            page.evaluate(PLAY, f"{endpoint}/whep")
            numbers = numbers_shown(page, 30)
            assert len(numbers) == 30
            assert numbers == sorted(numbers)
            wait_for_viewers(service, 1)
            page.evaluate("window.player.unload()")
            wait_for_viewers(service, 0)

            watch_masks(page, service)


@pytest.mark.long
def test_gstreamer_plays(tmp_path: Path) -> None:
    """GStreamer's webrtcbin as a WHEP player."""
    if reason := gst_whep.why_unavailable():
        pytest.skip(reason)
    film = write_changing_film(tmp_path / "film.ts", [(640, 480)], [25], frames_each=500)
    with serve(tmp_path, str(film), environment=SPELLING) as service:
        session = service.wait_for("source_state", "playing")
        numbers = gst_whep.play(f"{service.url}/v1/sessions/{session['id']}/whep", 50)
        read = [number for number in numbers if number is not None]
        assert len(read) == 50
        steps = [after - before for before, after in itertools.pairwise(read)]
        assert steps.count(1) >= 45, "one picture after the other"
        assert service.sessions()[0]["encoders"] == 0


def test_a_published_client_publishes(peers: Path, camera_file: Path, tmp_path: Path) -> None:
    """@eyevinn/whip-web-client in Chromium in, our viewer out."""
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera_file}",
    )
    with (
        serve(tmp_path, "whip", environment=SPELLING) as service,
        open_page(*flags) as page,
    ):
        session = service.wait_for("source_state", "connecting")
        endpoint = f"{service.url}/v1/sessions/{session['id']}/whip"
        publisher = page.context.new_page()
        publisher.add_init_script(path=peers)
        publisher.goto(service.url)
        resource = publisher.evaluate(PUBLISH, endpoint)
        assert resource.startswith(f"{endpoint}/")
        page.bring_to_front()
        watch_masks(page, service)
        publisher.evaluate("window.client.destroy()")
        service.wait_for("source_state", "reconnecting", 20)
