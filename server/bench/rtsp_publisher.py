"""A cheap RTSP camera of many streams: packets of one coded file, over TCP, on loopback.

    python -m server.bench.rtsp_publisher --file coded.mp4 --streams 16

Prints its port; stream k is `rtsp://127.0.0.1:PORT/k`. Ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from server.bench.coded_video import CodedVideo
from server.bench.paced_video import PacedVideo, serve_parent, tell_parent
from server.bench.rtp_packets import PAYLOAD_TYPE, interleaved, packetize, split_picture
from server.media import h264

_MAX_BACKLOG_BYTES = 16 << 20
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"


class RtspStream:
    """One endless stream: all its players get the same packets at the same time."""

    def __init__(self, video: PacedVideo, payloads: list[list[bytes]]) -> None:
        self._video = video
        self._payloads = payloads
        self._sequence = 0
        self._players: list[asyncio.StreamWriter] = []
        self._waiting: list[asyncio.StreamWriter] = []
        video.listeners.append(self._send)

    def join(self, writer: asyncio.StreamWriter) -> None:
        """Let a player in, at the next keyframe."""
        self._waiting.append(writer)

    def leave(self, writer: asyncio.StreamWriter) -> None:
        """Forget a player."""
        for players in (self._players, self._waiting):
            if writer in players:
                players.remove(writer)

    def _send(self, index: int, number: int) -> None:
        if h264.has_idr(self._video.video.pictures[number]):
            self._players += self._waiting
            self._waiting.clear()
        payloads = self._payloads[number]
        packets = packetize(payloads, self._sequence, index * self._video.video.ticks)
        self._sequence += len(packets)
        content = b"".join(interleaved(0, packet) for packet in packets)
        for writer in list(self._players):
            if writer.transport.get_write_buffer_size() > _MAX_BACKLOG_BYTES:
                # It reads no more: the camera hangs up, as cameras do.
                writer.close()
            else:
                writer.write(content)


class RtspPublisher:
    """The camera."""

    def __init__(self, video: CodedVideo, streams: int) -> None:
        payloads = [split_picture(picture) for picture in video.pictures]
        apart_s = 1 / (video.fps * streams)
        self.videos = [PacedVideo(video, index * apart_s) for index in range(streams)]
        self._streams = [RtspStream(paced, payloads) for paced in self.videos]
        self._fps = video.fps

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        stream: RtspStream | None = None
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *rest = head.strip().split("\r\n")
                method, uri, _ = first.split(" ")
                headers = dict(line.split(": ", 1) for line in rest)
                status, extra, body = self._reply(method, uri)
                lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('CSeq', '0')}", *extra]
                if body:
                    lines.append(f"Content-Length: {len(body)}")
                writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
                if method == "PLAY" and stream is None:
                    stream = self._stream(uri)
                    if stream is not None:
                        stream.join(writer)
        except (asyncio.IncompleteReadError, OSError, ValueError):
            return
        finally:
            if stream is not None:
                stream.leave(writer)
            writer.close()

    def _stream(self, uri: str) -> RtspStream | None:
        name = uri.split("/")[3] if uri.count("/") >= 3 else ""
        index = int(name) if name.isdecimal() else -1
        return self._streams[index] if 0 <= index < len(self._streams) else None

    def _reply(self, method: str, uri: str) -> tuple[str, list[str], str]:
        if method == "OPTIONS":
            return "200 OK", [f"Public: {_METHODS}"], ""
        if self._stream(uri) is None:
            return "404 Not Found", [], ""
        if method == "DESCRIBE":
            return "200 OK", ["Content-Type: application/sdp", f"Content-Base: {uri}/"], self._sdp()
        if method == "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            return "200 OK", [transport, "Session: 1;timeout=60"], ""
        return "200 OK", ["Session: 1"], ""

    def _sdp(self) -> str:
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=bench\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} H264/90000\r\n"
            f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1\r\na=framerate:{self._fps:g}\r\n"
            "a=control:video\r\n"
        )


async def publish(path: Path, streams: int) -> None:
    """Serve until the parent closes our standard input."""
    publisher = RtspPublisher(CodedVideo.read(path), streams)
    server = await asyncio.start_server(publisher.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tell_parent({"urls": [f"rtsp://127.0.0.1:{port}/{index}" for index in range(streams)]})
    playing = [asyncio.create_task(video.run()) for video in publisher.videos]

    def answer(asked: str, _: Any) -> Any:
        if asked == "times":
            return list(publisher.videos[0].times)
        return {
            "sent": [video.sent for video in publisher.videos],
            "cpu_s": time.process_time(),
        }

    await serve_parent(answer)
    server.close()
    for task in playing:
        task.cancel()


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--streams", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(publish(arguments.file, arguments.streams))


if __name__ == "__main__":
    main()
