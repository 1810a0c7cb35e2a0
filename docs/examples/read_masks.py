"""Print the masks of a session of SALI Live as they come.

    python read_masks.py http://127.0.0.1:8000 [--session ID] [--token TOKEN] [--masks 10]

Needs `pip install websockets`. Not a medical device.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

from websockets.asyncio.client import connect


def first_session(server: str, token: str) -> str:
    """Return the id of the oldest session."""
    request = urllib.request.Request(
        f"{server}/v1/sessions", headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    with urllib.request.urlopen(request) as answer:
        sessions = json.load(answer)["sessions"]
    if not sessions:
        raise SystemExit("the service has no session")
    return sessions[0]["id"]


async def masks(server: str, session: str, token: str = "") -> AsyncIterator[dict[str, Any]]:
    """Yield the mask messages of a session, acknowledging each: the service sends two ahead."""
    coded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    protocols = ["sali.masks.v1", *([f"sali.token.{coded}"] if token else [])]
    url = f"{server.replace('http', 'ws', 1)}/v1/sessions/{session}/masks"
    async with connect(url, subprotocols=protocols) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "mask":
                await socket.send(json.dumps({"type": "ack", "sequence": message["sequence"]}))
                yield message


def runs(counts: str) -> Iterator[int]:
    """Decode COCO's run lengths: background first, then polyp, and so on, column by column."""
    lengths: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        if len(lengths) > 2:
            value += lengths[-2]
        lengths.append(value)
        value = shift = 0
    yield from lengths


def rows_of(rle: dict[str, Any]) -> list[list[bool]]:
    """Return the mask as rows of pixels; raise if the runs do not fill it."""
    height, width = rle["size"]
    flat: list[bool] = []
    for number, length in enumerate(runs(rle["counts"])):
        flat += [number % 2 == 1] * length
    if len(flat) != height * width:
        raise ValueError("the runs do not fill the mask")
    return [flat[row::height] for row in range(height)]


async def main() -> None:
    """Print one line a mask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--session", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--masks", type=int, default=10)
    chosen = parser.parse_args()
    session = chosen.session or first_session(chosen.server, chosen.token)
    left = chosen.masks
    async for message in masks(chosen.server, session, chosen.token):
        area = sum(map(sum, rows_of(message["rle"])))
        boxes = [polyp["box"] for polyp in message["polyps"]]
        print(f"pts {message['pts']}  age {message['age_ms']} ms  {area} pixels  polyps {boxes}")
        left -= 1
        if left == 0:
            return


if __name__ == "__main__":
    asyncio.run(main())
