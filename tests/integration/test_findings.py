"""A red patch is pushed to a real service (with the fake engine): it becomes a finding."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from websockets.asyncio.client import ClientConnection

from tests.integration.test_frame_socket import answer, frames_of
from tests.integration.test_service import Served, masks_of, receive, serving


def picture(has_polyp: bool) -> bytes:
    """A dark picture, 640 x 480, with a red patch or without."""
    rgb = np.full((480, 640, 3), 40, np.uint8)
    if has_polyp:
        rgb[200:300, 300:420] = (220, 60, 60)
    file = BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


async def push(connection: ClientConnection, begin: int, number: int, *, has_polyp: bool) -> None:
    """Push so many frames of 25 a second, each once the one before has its mask or was dropped."""
    for index in range(begin, begin + number):
        await connection.send(json.dumps({"type": "frame", "id": index, "pts": 3600 * index}))
        await connection.send(picture(has_polyp))
        await answer(connection)


def patch_in(findings: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the finding that is the patch; the fake engine's first row is another."""
    return next((finding for finding in findings if finding["largest_share"] > 0.01), None)


async def test_a_patch_that_lasts_is_told_kept_reviewed_and_forgotten() -> None:
    with serving("--source", "frames") as served:
        path = f"/v1/sessions/{served.session['id']}/findings"
        async with masks_of(served) as masks, frames_of(served) as frames:
            await push(frames, 0, 10, has_polyp=False)
            await push(frames, 10, 3, has_polyp=True)
            assert patch_in(listed(served, path)) is None
            pushed = 13
            while (finding := patch_in(listed(served, path))) is None and pushed < 200:
                pushed += 2
                await push(frames, pushed - 2, 2, has_polyp=True)
            assert finding is not None
            assert finding["first_seen_pts"] >= 10 * 3600
            told = (await receive(masks, "finding"))["finding"]
            while told["id"] != finding["id"] or told["still"] is None:
                told = (await receive(masks, "finding"))["finding"]
            check_still(served, f"{path}/{finding['id']}/still")
            answered = served.request("PATCH", f"{path}/{finding['id']}", json={"note": "flat"})
            assert answered.json()["note"] == "flat"
            served.request("POST", f"/v1/sessions/{served.session['id']}/reset")
            assert finding["id"] in (await receive(masks, "findings_removed"))["ids"]
            assert listed(served, path) == []


def listed(served: Served, path: str) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = served.request("GET", path).json()["findings"]
    return findings


def check_still(served: Served, path: str) -> None:
    """The clean picture at the source's size: the patch where it was, nothing drawn."""
    answered = served.request("GET", path)
    assert answered.headers["content-type"] == "image/jpeg"
    pixels = np.asarray(Image.open(BytesIO(answered.content))).astype(int)
    assert pixels.shape == (480, 640, 3)
    assert np.abs(pixels[250, 360] - (220, 60, 60)).max() < 12
    assert np.abs(pixels[100, 100] - 40).max() < 12
    edge = pixels[196:204, 360, 0]
    assert (np.diff(edge) > -12).all()
