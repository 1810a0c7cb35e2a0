"""RTSP cameras and WHIP publishers reach the page, each mask on its own frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import MARKER, compare_marks, open_page, serve, wait_attribute, watch
from tests.e2e.conftest import PhantomFile
from tests.fakes.rtsp_server import RtspServer, why_unavailable

pytestmark = pytest.mark.e2e

PUBLISH = """async (url) => {
  const stream = await navigator.mediaDevices.getUserMedia(
    {video: {width: 640, height: 480, frameRate: 25}, audio: false});
  const peer = new RTCPeerConnection({iceServers: []});
  const track = stream.getVideoTracks()[0];
  track.contentHint = 'detail';
  const transceiver = peer.addTransceiver(track, {direction: 'sendonly', streams: [stream]});
  const parameters = transceiver.sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  await transceiver.sender.setParameters(parameters);
  await peer.setLocalDescription(await peer.createOffer());
  await new Promise((done) => {
    if (peer.iceGatheringState === 'complete') done();
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
  });
  const answer = await fetch(url, {method: 'POST', body: peer.localDescription.sdp,
                                   headers: {'Content-Type': 'application/sdp'}});
  if (answer.status !== 201) throw new Error('WHIP answered ' + answer.status);
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  window.publisher = peer;
  return answer.headers.get('Location');
}"""


@pytest.fixture
def rtsp(phantom_file: PhantomFile) -> Iterator[RtspServer]:
    if reason := why_unavailable():
        pytest.skip(reason)
    server = RtspServer(file=phantom_file.path)
    server.start()
    yield server
    server.kill()


def test_an_rtsp_camera_is_shown_with_its_masks(rtsp: RtspServer, tmp_path: Path) -> None:
    with (
        serve(tmp_path, rtsp.url, loop=False, environment=MARKER) as service,
        open_page() as page,
    ):
        watch(page, service)
        compare_marks(page, wanted=15, timeout_s=150)


def test_a_whip_publisher_is_shown_with_its_masks(camera_file: Path, tmp_path: Path) -> None:
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera_file}",
    )
    with (
        serve(tmp_path, "whip", environment=MARKER) as service,
        open_page(*flags) as page,
    ):
        session = service.wait_for("source_state", "connecting")
        page.goto(service.url)
        publisher = page.context.new_page()
        publisher.goto(service.url)
        location = publisher.evaluate(PUBLISH, f"/v1/sessions/{session['id']}/whip")
        assert f"/v1/sessions/{session['id']}/whip/" in location
        page.bring_to_front()
        page.goto(f"{service.url}/#/session/{session['id']}")
        wait_attribute(page, "ai-state", "active")
        compare_marks(page, wanted=15, timeout_s=150)
