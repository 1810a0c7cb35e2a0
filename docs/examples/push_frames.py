"""Push a folder of JPEG or PNG pictures to SALI Live and print what it finds in each.

    python push_frames.py http://127.0.0.1:8000 FOLDER [TOKEN]

Needs `pip install websockets`. Not a medical device.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import urllib.request
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

FPS = 25
TICKS = 90_000 // FPS


def create_session(server: str, token: str) -> str:
    """Start a session on a `frames` source; return its id."""
    request = urllib.request.Request(
        f"{server}/v1/sessions",
        data=json.dumps({"name": "push_frames", "source": "frames"}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


def pictures_of(folder: str) -> list[Path]:
    """List the pictures of a folder by name."""
    suffixes = {".jpg", ".jpeg", ".png"}
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in suffixes)


async def push(socket: ClientConnection, pictures: list[Path]) -> None:
    """Send each picture at its time."""
    for number, path in enumerate(pictures):
        # The text message is optional: without it, ids count from 0 and the time is the arrival's.
        await socket.send(json.dumps({"type": "frame", "id": number, "pts": number * TICKS}))
        await socket.send(path.read_bytes())
        await asyncio.sleep(1 / FPS)


async def main(server: str, folder: str, token: str = "") -> None:
    """Push every picture of a folder; print one line an answer."""
    pictures = pictures_of(folder)
    session = create_session(server, token)
    coded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    protocols = ["sali.frames.v1", *([f"sali.token.{coded}"] if token else [])]
    url = f"{server.replace('http', 'ws', 1)}/v1/sessions/{session}/frames"
    async with connect(url, subprotocols=protocols) as socket:
        async for text in socket:
            if json.loads(text).get("model"):  # The hello that comes once the AI is warm.
                break
        pushing = asyncio.create_task(push(socket, pictures))
        answered = 0
        while answered < len(pictures):
            message = json.loads(await socket.recv())
            if message["type"] == "mask":
                print(message["id"], [polyp["box"] for polyp in message["polyps"]])
            elif message["type"] == "dropped":
                print(message["id"], "no mask:", message["cause"], message["detail"])
            answered += message["type"] in ("mask", "dropped")
        await pushing


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
