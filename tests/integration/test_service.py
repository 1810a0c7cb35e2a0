"""`sali serve` as a person runs it, with real video and a real worker that runs the fake engine."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from server.masks import rle
from server.masks.message import SUBPROTOCOL
from tests.fakes.push_receiver import Receiver
from tests.fakes.rtsp_server import free_port
from tests.fakes.video_files import write_frames

FPS = 25
FRAMES = 50
WIDTH, HEIGHT = 320, 240
RED_BOX = (80, 60, 160, 120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of H.264: a red rectangle on black."""
    path = tmp_path_factory.mktemp("clip") / "red.mp4"
    picture = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    x, y, width, height = RED_BOX
    picture[y : y + height, x : x + width, 0] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = FPS
        for _ in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def environment(weights: str = "ok") -> dict[str, str]:
    """The tests' environment, without settings of the machine, with the fake engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SALI_")}
    return kept | {
        "SALI_WORKER__MODEL": "tests.fakes.fake_engine:create_engine",
        "SALI_WORKER__WEIGHTS": weights,
        "SALI_WORKER__MEASURE_S": "0.05",
        # On a machine with other work a healthy worker may be silent for the usual 250 ms.
        "SALI_WORKER__PING_TIMEOUT_MS": "10000",
        "SALI_LOG__FORMAT": "json",
        # A red rectangle on black would be taken for an endoscopic picture.
        "SALI_REGION": "full",
        # And its video is one still picture.
        "SALI_VIEW__FROZEN_AFTER_MS": "0",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "server.cli", "serve", *arguments]


@dataclass
class Served:
    """A running service."""

    process: subprocess.Popen[str]
    address: str

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, self.url(path), timeout=60, **more)

    @property
    def session(self) -> dict[str, Any]:
        session: dict[str, Any] = self.request("GET", "/v1/sessions").json()["sessions"][0]
        return session


@contextmanager
def serving(*arguments: str, **more: str) -> Iterator[Served]:
    """Start a service on a free port, wait for the line with its address, and end it."""
    process = subprocess.Popen(
        command("--port", "0", *arguments),
        env=environment() | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.communicate(timeout=60)
        assert "Not a medical device" in line
        yield Served(process, line.split("http://")[1].split("/")[0])
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert "Traceback" not in log


@asynccontextmanager
async def masks_of(served: Served, **more: Any) -> AsyncIterator[ClientConnection]:
    url = f"ws://{served.address}/v1/sessions/{served.session['id']}/masks"
    options = {"subprotocols": [Subprotocol(SUBPROTOCOL)], "open_timeout": 60} | more
    async with connect(url, **options) as connection:
        yield connection


async def receive(connection: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a type; acknowledge every mask on the way."""
    async with asyncio.timeout(60):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["type"] == "mask":
                await connection.send(json.dumps({"type": "ack", "sequence": message["sequence"]}))
            if message["type"] == kind:
                return message


def active_session(served: Served) -> dict[str, Any]:
    """Wait until the AI is active, which a busy machine may make late for a moment."""
    deadline = time.monotonic() + 60
    while (session := served.session)["ai_state"] != "active":
        assert time.monotonic() < deadline, session
        time.sleep(0.1)
    return session


async def receive_state(connection: ClientConnection, ai_state: str) -> float:
    """Wait until the AI's state is told to be this; return the time."""
    async with asyncio.timeout(60):
        while (await receive(connection, "state"))["ai_state"] != ai_state:
            continue
    return time.monotonic()


async def test_masks_of_a_file_arrive_on_their_frames(clip: Path) -> None:
    with serving("--source", str(clip), "--loop") as served:
        async with masks_of(served) as connection:
            hello = await receive(connection, "hello")
            assert hello["session"] == served.session["id"]
            masks = [await receive(connection, "mask") for _ in range(2 * FRAMES)]
        session = active_session(served)
        assert served.request("GET", "/readyz").status_code == 200
        metrics = served.request("GET", "/metrics").text
    assert session["source_state"] == "playing"
    assert session["video"]["width"] == WIDTH
    assert session["counters"]["frames_masked"] >= 2 * FRAMES
    assert "sali_worker_ready 1.0" in metrics

    for earlier, later in itertools.pairwise(masks):
        assert later["sequence"] > earlier["sequence"]
        assert later["pts"] > earlier["pts"]
    assert all(0 <= mask["age_ms"] <= 250 for mask in masks)
    last = masks[-1]
    assert last["source_size"] == [HEIGHT, WIDTH]
    largest = last["polyps"][0]
    assert largest["box"] == pytest.approx(RED_BOX, abs=3)
    mask = rle.decode(last["rle"]["counts"], *last["rle"]["size"])
    assert mask[176, 176]
    assert not mask[10, 176]


@pytest.mark.hazard("H17")
async def test_the_region_is_cut_out_and_masks_are_told_in_it(clip: Path) -> None:
    with serving("--source", str(clip), "--loop", "--region", "auto") as served:
        async with masks_of(served) as connection:
            mask = await receive(connection, "mask")
            path = f"/v1/sessions/{served.session['id']}/region"
            found = served.request("GET", path).json()
            assert (found["mode"], found["rectangle"]) == ("auto", mask["region"])
            assert mask["region"] == pytest.approx(RED_BOX, abs=5)
            assert mask["polyps"][0]["box"] == pytest.approx(RED_BOX, abs=5)
            served.request("PUT", path, json={"region": [80, 60, 80, 60]}).raise_for_status()
            async with asyncio.timeout(60):
                while mask["region"] != [80, 60, 80, 60]:
                    mask = await receive(connection, "mask")
            assert mask["polyps"][0]["box"] == pytest.approx([80, 60, 80, 60], abs=2)


@pytest.mark.hazard("H9")
async def test_the_memory_is_emptied_when_the_file_starts_again_and_on_a_reset(clip: Path) -> None:
    """The fake engine sets as many pixels in row 0 as its memory has seen pictures."""
    with serving("--source", str(clip), "--loop") as served:
        async with masks_of(served) as connection:
            seen = []
            for number in range(2 * FRAMES):
                mask = await receive(connection, "mask")
                seen.append(int(rle.decode(mask["rle"]["counts"], 352, 352)[0].sum()))
                if number == 10:
                    reset = f"/v1/sessions/{served.session['id']}/reset"
                    assert served.request("POST", reset).status_code == 204
    falls = [later for earlier, later in itertools.pairwise(seen) if later < earlier]
    assert len(falls) >= 2
    assert max(falls) <= 5
    assert max(seen) <= FRAMES


@pytest.mark.hazard("H3", "H12", "F1")
async def test_a_killed_worker_brings_masks_back_and_never_stops_the_video(clip: Path) -> None:
    with serving("--source", str(clip), "--loop") as served:
        async with masks_of(served) as connection:
            await receive(connection, "mask")
            worker = _worker_of(served.process.pid)
            before = served.session["counters"]["frames_received"]
            killed_at = time.monotonic()
            os.kill(worker, signal.SIGKILL)
            failed_at = await receive_state(connection, "failed")
            assert failed_at - killed_at < 0.3
            await receive_state(connection, "warming")
            during = served.session["counters"]["frames_received"]
            await receive_state(connection, "active")
            assert (await receive(connection, "mask"))["age_ms"] <= 250
            elapsed_s = time.monotonic() - killed_at
            after = served.session
        assert during > before
        received = after["counters"]["frames_received"] - before
        assert received >= 0.8 * FPS * elapsed_s - FPS / 2
        assert after["source_state"] == "playing"
        assert "sali_worker_restarts_total 1.0" in served.request("GET", "/metrics").text


@pytest.mark.hazard("H4", "H12", "F2", "F3")
async def test_a_worker_that_stands_still_is_told_at_once_and_never_stops_the_video(
    clip: Path,
) -> None:
    usual = {"SALI_WORKER__PING_TIMEOUT_MS": "250"}
    with serving("--source", str(clip), "--loop", **usual) as served:
        async with masks_of(served) as connection:
            await receive(connection, "mask")
            before = served.session["counters"]["frames_received"]
            stopped_at = time.monotonic()
            os.kill(_worker_of(served.process.pid), signal.SIGSTOP)
            told = await receive(connection, "state")
            while told["ai_state"] == "active":
                told = await receive(connection, "state")
            told_s = time.monotonic() - stopped_at
            # Late 300 ms after the first picture without a mask, or failed by an unanswered ping.
            assert told["ai_state"] in ("late", "failed")
            assert told_s < 0.5
            await receive_state(connection, "active")
            elapsed_s = time.monotonic() - stopped_at
            after = served.session
        received = after["counters"]["frames_received"] - before
        assert received >= 0.8 * FPS * elapsed_s - FPS / 2
        assert after["source_state"] == "playing"


async def test_a_reader_that_does_not_acknowledge_gets_two_masks_and_all_states(
    clip: Path,
) -> None:
    with serving("--source", str(clip), "--loop") as served:
        kinds: list[str] = []

        async def read(silent: ClientConnection) -> None:
            while True:
                kinds.append(json.loads(await silent.recv())["type"])

        async with masks_of(served) as other, masks_of(served) as silent:
            reading = asyncio.create_task(read(silent))
            masks = states = 0
            async with asyncio.timeout(60):
                # What a reader gets that acknowledges is the measure.
                while masks < 2 * FRAMES or states < 20:
                    message = json.loads(await other.recv())
                    if message["type"] == "mask":
                        await other.send(
                            json.dumps({"type": "ack", "sequence": message["sequence"]})
                        )
                    masks += message["type"] == "mask"
                    states += message["type"] == "state"
                while kinds.count("state") < states - 2:  # noqa: ASYNC110 - a list
                    await asyncio.sleep(0.01)
            reading.cancel()
        assert kinds.count("mask") == 2
        assert served.session["counters"]["drops"]["reader_slow"] > FRAMES


async def test_a_source_is_pushed_with_its_masks_burned_in(clip: Path) -> None:
    url = f"rtsp://user:secret@127.0.0.1:{free_port()}/room"
    receiver = Receiver(url, 20)
    try:
        with serving("--source", str(clip), "--loop", "--push", url) as served:
            await asyncio.to_thread(receiver.result)
            session, metrics = served.session, served.request("GET", "/metrics").text
            text = served.request("GET", "/v1/sessions").text
    finally:
        receiver.kill()
    assert session["push"][0]["overlay"] == "burned"
    assert session["push"][0]["label"] == url.replace("user:secret@", "")
    assert session["push"][0]["packets_sent"] >= 20
    assert "sali_encoders" in metrics
    assert "secret" not in text


async def test_another_source_takes_the_place_of_the_last_while_readers_stay(
    clip: Path, tmp_path: Path
) -> None:
    picture = np.zeros((480, 640, 3), dtype=np.uint8)
    picture[100:300, 200:500, 0] = 255
    larger = write_frames(tmp_path / "larger.mp4", [picture] * 50)
    with serving("--source", str(clip), "--loop") as served:
        path = f"/v1/sessions/{served.session['id']}"
        async with masks_of(served) as connection:
            before = await receive(connection, "mask")
            refused = served.request("PATCH", path, json={"source": str(tmp_path / "gone.mp4")})
            assert (refused.status_code, refused.json()["code"]) == (422, "source_unreachable")
            assert served.session["source"]["label"] == "red.mp4"
            changed = served.request("PATCH", path, json={"source": str(larger), "loop": True})
            assert changed.status_code == 200
            assert changed.json()["source"] == {"kind": "file", "label": "larger.mp4"}
            assert changed.json()["name"] == "larger.mp4"
            async with asyncio.timeout(60):
                while (mask := await receive(connection, "mask"))["source_size"] != [480, 640]:
                    assert mask["source_size"] == before["source_size"]
            assert mask["pts"] > before["pts"]
            assert mask["sequence"] > before["sequence"]
        assert "devices" in served.request("GET", "/v1/devices").json()


async def test_an_ended_session_closes_its_readers_with_4410(clip: Path) -> None:
    with serving("--source", str(clip), "--loop") as served:
        async with masks_of(served) as connection:
            await receive(connection, "hello")
            path = f"/v1/sessions/{served.session['id']}"
            assert served.request("DELETE", path).status_code == 204
            with pytest.raises(ConnectionClosed) as closed:
                await receive(connection, "nothing")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4410


@pytest.mark.hazard("H15")
async def test_a_token_opens_rest_and_socket_and_stays_out_of_the_log(clip: Path) -> None:
    token = "a-long-secret-token"  # noqa: S105 - of this test only
    bearer = {"authorization": f"Bearer {token}"}
    with serving("--source", str(clip), SALI_AUTH__TOKEN=token) as served:
        assert served.request("GET", "/v1/sessions").status_code == 401
        sessions = served.request("GET", "/v1/sessions", headers=bearer).json()["sessions"]
        url = f"ws://{served.address}/v1/sessions/{sessions[0]['id']}/masks"
        async with connect(url, additional_headers=bearer) as connection:
            assert (await receive(connection, "hello"))["type"] == "hello"
        async with connect(url) as connection:
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        served.process.send_signal(signal.SIGTERM)
        _, log = served.process.communicate(timeout=60)
        assert "request_refused" in log
        assert token not in log


def _worker_of(server: int) -> int:
    """Return the process id of the server's worker."""
    for child in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        if b"server.worker.main" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise AssertionError("the server has no worker")


def _run(*arguments: str, weights: str = "ok", **more: str) -> tuple[int, str]:
    """Run `sali serve` to its end; return its status and what it wrote to standard error."""
    done = subprocess.run(
        command(*arguments),
        env=environment(weights) | {"SALI_LOG__LEVEL": "error"} | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def _assert_one_line(outcome: tuple[int, str], *words: str) -> None:
    """One clear line, status 1, no traceback."""
    status, text = outcome
    ours = [line for line in text.splitlines() if line.startswith("sali: error: ")]
    assert status == 1
    assert len(ours) == 1
    assert all(word in ours[0] for word in words), ours[0]
    assert "Traceback" not in text
    assert text.splitlines()[-1] == ours[0]


def test_a_wrong_path_is_told(tmp_path: Path) -> None:
    path = tmp_path / "missing.mp4"
    _assert_one_line(_run("--port", "0", "--source", str(path)), "missing.mp4")


def test_a_file_without_video_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing to see")
    _assert_one_line(_run("--port", "0", "--source", str(path)), "notes.txt")


def test_an_unreachable_camera_is_told_without_its_password() -> None:
    url = f"rtsp://user:secret@127.0.0.1:{free_port()}/stream"
    status, text = _run("--port", "0", "--source", url)
    _assert_one_line((status, text), "127.0.0.1")
    assert "secret" not in text


def test_a_port_in_use_is_told(clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _assert_one_line(
            _run("--port", str(port), "--source", str(clip)), str(port), "in use", "--port"
        )


def test_a_broken_checkpoint_is_told_in_the_workers_words(clip: Path) -> None:
    _assert_one_line(
        _run("--port", "0", "--source", str(clip), weights="broken"),
        "broken.safetensors is damaged: its header cannot be read",
    )


@pytest.mark.hazard("H15")
def test_listening_to_other_machines_without_a_token_is_refused(clip: Path) -> None:
    _assert_one_line(
        _run("--host", "0.0.0.0", "--source", str(clip)),  # noqa: S104 - refused
        "SALI_AUTH__TOKEN",
    )


def test_a_misspelt_setting_is_told() -> None:
    _assert_one_line(_run("--port", "0", SALI_WORKER__DEVISE="cpu"), "SALI_WORKER__DEVISE")


@pytest.mark.hazard("H4")
def test_a_session_that_cannot_be_served_well_is_refused(clip: Path) -> None:
    slow = {"SALI_WORKER__WEIGHTS": "each:25"}
    with serving("--source", str(clip), "--loop", **slow) as served:
        ready = wait_until_ready(served)
        assert ready["capacity"]["sessions"] <= 1
        assert ready["capacity"]["limit"] == 1
        assert "a step of 1 picture takes" in ready["capacity"]["explanation"]
        refused = served.request("POST", "/v1/sessions", json={"source": str(clip)})
        assert (refused.status_code, refused.json()["code"]) == (503, "session_limit")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["detail"].startswith("1 session is running: the AI of this machine")
        metrics = served.request("GET", "/metrics").text
        assert f"sali_capacity_sessions {ready['capacity']['sessions']:.1f}" in metrics
        assert "sali_sessions_refused_total 1.0" in metrics


def test_the_operators_limit_replaces_the_measured_one(clip: Path) -> None:
    slow = {"SALI_WORKER__WEIGHTS": "each:25", "SALI_SESSION__MAX_SESSIONS": "2"}
    with serving("--source", str(clip), "--loop", **slow) as served:
        assert served.request("POST", "/v1/sessions", json={"source": str(clip)}).is_success
        refused = served.request("POST", "/v1/sessions", json={"source": str(clip)})
        assert refused.status_code == 503
        assert "SALI_SESSION__MAX_SESSIONS allows no more" in refused.json()["detail"]


def wait_until_ready(served: Served) -> dict[str, Any]:
    """Wait for the worker; return what `/readyz` says."""
    deadline = time.monotonic() + 60
    while (answer := served.request("GET", "/readyz")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    ready: dict[str, Any] = answer.json()
    return ready
