"""A peer that takes a pushed stream, in a process of its own: FFmpeg's own RTSP or RTMP listener.

As a script: `python push_receiver.py URL FRAMES` prints one line of JSON for each decoded picture
(pts in 90 kHz ticks, mean brightness), then ends. As a module: `Receiver` starts that script.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_LISTEN = {
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": "90"},
    "rtmp": {"listen": "1"},
}


class Receiver:
    """The script as a child process; it listens soon after it is made."""

    def __init__(self, url: str, frames: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), url, str(frames)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self, timeout_s: float = 90.0) -> tuple[dict[str, str], list[dict[str, float]]]:
        """Wait for its end; what it said of the stream, and its pictures."""
        out, _ = self._process.communicate(timeout=timeout_s)
        head, *pictures = [json.loads(line) for line in out.splitlines()]
        return head, pictures

    def kill(self) -> None:
        """End it, harmless if it has ended."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Listen, decode, print."""
    import av

    url, frames = sys.argv[1], int(sys.argv[2])
    options = _LISTEN[url.partition(":")[0]] | {"probesize": "32", "analyzeduration": "0"}
    container = av.open(url, options=options)
    stream = container.streams.video[0]
    context = stream.codec_context
    is_avcc = bool(context.extradata) and bytes(context.extradata or b"")[:1] == b"\x01"
    print(json.dumps({"codec": context.name, "is_avcc": is_avcc}), flush=True)
    seen = 0
    for packet in container.demux(stream):
        for frame in packet.decode():
            brightness = float(frame.to_ndarray(format="gray").mean())
            ticks = -1 if frame.pts is None else round(frame.pts * frame.time_base * 90_000)
            print(json.dumps({"pts": ticks, "brightness": brightness}), flush=True)
            seen += 1
        if seen >= frames:
            return


if __name__ == "__main__":
    main()
