"""A program pushes pictures to a real service (with the fake engine) and gets their masks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fakes.still_pictures import jpeg, png
from tests.integration.test_service import (
    Served,
    receive,
    receive_state,
    serving,
    wait_until_ready,
)

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "push_frames.py"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving("--source", "frames", SALI_SESSION__MAX_SESSIONS="3") as running:
        wait_until_ready(running)
        yield running


def frames_of(served: Served) -> connect:
    """Connect, once the service has noticed that the last program left."""
    wait_until_left(served)
    url = f"ws://{served.address}/v1/sessions/{served.session['id']}/frames"
    return connect(url, subprotocols=[Subprotocol("sali.frames.v1")], open_timeout=60)


def wait_until_left(served: Served) -> None:
    """Wait until nobody pushes pictures any more."""
    deadline = time.monotonic() + 60
    while (state := served.session["source_state"]) not in ("connecting", "reconnecting"):
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


async def answer(connection: ClientConnection) -> dict[str, Any]:
    """Return the next answer to a frame."""
    async with asyncio.timeout(60):
        while True:
            message: dict[str, Any] = json.loads(await connection.recv())
            if message["type"] in ("mask", "dropped"):
                return message


async def test_each_picture_gets_its_mask(served: Served) -> None:
    async with frames_of(served) as connection:
        hello = await receive(connection, "hello")
        assert hello["protocol"] == "sali.frames.v1"
        assert hello["max_size"] == [2304, 4096]
        for number in range(5):
            told = {"type": "frame", "id": 40 + number, "pts": 3600 * number}
            await connection.send(json.dumps(told))
            await connection.send(jpeg(160, 120))
            message = await answer(connection)
            assert (message["type"], message["id"]) == ("mask", 40 + number)
            assert message["source_size"] == [120, 160]
    wait_until_left(served)
    assert served.session["source_state"] == "reconnecting"


async def test_sizes_and_formats_may_change_and_odd_ones_are_taken(served: Served) -> None:
    async with frames_of(served) as connection:
        for number, picture in enumerate([png(33, 17), jpeg(2, 2), png(1, 1), jpeg(640, 480)]):
            await connection.send(picture)
            message = await answer(connection)
            assert (message["type"], message["id"]) == ("mask", number), message


async def test_what_is_no_picture_is_told_and_the_next_one_served(served: Served) -> None:
    async with frames_of(served) as connection:
        await connection.send(b"not a picture")
        message = await answer(connection)
        assert (message["type"], message["cause"]) == ("dropped", "unusable")
        assert "neither a JPEG nor a PNG" in message["detail"]
        whole = jpeg(64, 48)
        await connection.send(whole[:-40] if len(whole) > 700 else whole[: len(whole) - 20])
        await answer(connection)
        await connection.send(whole)
        assert (await answer(connection))["type"] == "mask"


async def test_a_second_program_and_other_sources_are_refused(served: Served) -> None:
    async with frames_of(served):
        async with frames_of(served) as second:
            with pytest.raises(ConnectionClosed) as closed:
                await second.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4409, "whip_busy")
    other = served.request("POST", "/v1/sessions", json={"source": "whip"}).json()["id"]
    async with connect(f"ws://{served.address}/v1/sessions/{other}/frames") as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    served.request("DELETE", f"/v1/sessions/{other}")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4422


async def test_a_message_that_is_too_large_ends_the_connection(served: Served) -> None:
    async with frames_of(served) as connection:
        sending = asyncio.ensure_future(connection.send(bytes(9 << 20)))
        with pytest.raises(ConnectionClosed) as closed:
            await answer(connection)
        await asyncio.wait({sending})
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_burst_is_answered_frame_by_frame(served: Served) -> None:
    async with frames_of(served) as connection:
        await receive_state(connection, "paused")
        for _ in range(100):
            await connection.send(jpeg(64, 48))
        answers = [await answer(connection) for _ in range(100)]
        assert sorted(message["id"] for message in answers) == list(range(100))
        assert answers[-1]["id"] == 99 or {m["type"] for m in answers} == {"mask", "dropped"}


def test_the_example_of_the_documents_runs(served: Served, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(png(64, 48))
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), f"http://{served.address}", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answers = dict(line.split(maxsplit=1) for line in run.stdout.splitlines())
    assert set(answers) == {str(number) for number in range(6)}
    assert any(answer.startswith("[") for answer in answers.values())


async def test_what_cannot_be_understood_ends_the_connection(served: Served) -> None:
    for text in (
        "hello",
        '{"type": "frame", "pts": -1}',
        '{"type": "frame", "id": "x"}',
        "x" * 20_000,
    ):
        async with frames_of(served) as connection:
            await connection.send(text)
            with pytest.raises(ConnectionClosed) as closed:
                await answer(connection)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1002
