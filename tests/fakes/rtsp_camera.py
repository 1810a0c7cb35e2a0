"""An RTSP camera of a few lines, on loopback, that does exactly what a test tells it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field

from server.bench import rtp_packets
from server.bench.rtp_packets import interleaved, split_picture
from server.bench.rtp_packets import rtp_packet as rtp_packet
from server.media import h264
from tests.fakes.rtsp_server import free_port

SPS = bytes.fromhex("6742c01f8c8d40a03c60220000030002000003006480")
PPS = bytes.fromhex("68ce3c80")
_MAX_PAYLOAD = 1400


def packetize(picture: bytes, sequence: int, timestamp: int) -> list[bytes]:
    """Split an Annex B picture into RTP packets (H.264)."""
    return rtp_packets.packetize(split_picture(picture), sequence, timestamp)


def packetize_h265(picture: bytes, sequence: int, timestamp: int) -> list[bytes]:
    """Split an Annex B picture into RTP packets (RFC 7798: single NAL units and FUs)."""
    payloads: list[bytes] = []
    for unit in h264.iter_nal_units(picture):
        if len(unit) <= _MAX_PAYLOAD:
            payloads.append(unit)
            continue
        kind, rest = unit[0] >> 1 & 0x3F, unit[2:]
        pieces = [rest[start : start + _MAX_PAYLOAD] for start in range(0, len(rest), _MAX_PAYLOAD)]
        for index, piece in enumerate(pieces):
            edge = 0x80 * (index == 0) | 0x40 * (index == len(pieces) - 1)
            head = bytes([unit[0] & 0x81 | 49 << 1, unit[1], edge | kind])
            payloads.append(head + piece)
    return rtp_packets.packetize(payloads, sequence, timestamp)


@dataclass
class CameraManners:
    """How the camera behaves.

    Attributes:
        login: (user, password); None asks for none.
        scheme: How it asks: "Basic", "MD5" or "SHA-256".
        encoding: Of the video, in the description.
        statuses: Other answers than 200, by method.
        rtp_before_play: Packets sent just before the answer to PLAY.
        timeout_s: Of its sessions.
        redirect: URL that every DESCRIBE is sent on to.
        refuses_keep_alives: Answers each with a login asked for anew, with another nonce.
    """

    login: tuple[str, str] | None = None
    scheme: str = "Basic"
    encoding: str = "H264"
    statuses: dict[str, str] = field(default_factory=dict)
    rtp_before_play: list[bytes] = field(default_factory=list)
    timeout_s: int = 60
    refuses_keep_alives: bool = False
    redirect: str = ""


class RtspCamera:
    """Listens on 127.0.0.1; the test sends the packets."""

    def __init__(self, manners: CameraManners | None = None) -> None:
        self.manners = manners or CameraManners()
        self.port = 0
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.playing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._players: list[asyncio.StreamWriter] = []
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self.port = self.port or free_port()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Listen no more and break every connection."""
        if self._server is not None:
            self._server.close()
        self.hang_up()
        self._server = None

    async def __aenter__(self) -> RtspCamera:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def hang_up(self) -> None:
        """Break every connection."""
        for writer in self._open:
            writer.close()
        self._players.clear()
        self.playing.clear()

    def send(self, packets: list[bytes], channel: int = 0) -> None:
        """Send packets to everybody who plays."""
        for writer in self._players:
            for packet in packets:
                writer.write(interleaved(channel, packet))

    def send_raw(self, content: bytes) -> None:
        """Send bytes as they are to everybody who plays."""
        for writer in self._players:
            writer.write(content)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self._answer(text, writer)
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._open.discard(writer)
            if writer in self._players:
                self._players.remove(writer)
            writer.close()

    async def _answer(self, text: str, writer: asyncio.StreamWriter) -> None:
        first, *rest = text.strip().split("\r\n")
        if first.startswith("RTSP/"):
            self.requests.append("answer " + first.split(" ")[1])
            return
        method, uri, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in rest)
        self.requests.append(method)
        self.headers.append(headers)
        status, extra, body = self._reply(method, uri, headers)
        if method == "PLAY" and status == "200 OK":
            self._players.append(writer)
            self.send(self.manners.rtp_before_play)
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['CSeq']}", *extra]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status == "200 OK":
            self.playing.set()

    def _reply(self, method: str, uri: str, headers: dict[str, str]) -> tuple[str, list[str], str]:
        manners = self.manners
        if method != "OPTIONS" and not self._may_enter(method, uri, headers):
            return "401 Unauthorized", [f"WWW-Authenticate: {self._challenge()}"], ""
        if method == "GET_PARAMETER" and manners.refuses_keep_alives:
            nonce = f"n{len(self.requests)}"
            challenge = f'WWW-Authenticate: Digest realm="camera", nonce="{nonce}"'
            return "401 Unauthorized", [challenge], ""
        if method in manners.statuses:
            return manners.statuses[method], [], ""
        if method == "OPTIONS":
            return "200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER"], ""
        if method == "DESCRIBE" and manners.redirect:
            return "302 Moved Temporarily", [f"Location: {manners.redirect}"], ""
        if method == "DESCRIBE":
            base = f"Content-Base: rtsp://127.0.0.1:{self.port}/live/"
            return "200 OK", ["Content-Type: application/sdp", base], self._description()
        if method == "SETUP":
            session = f"Session: 4711;timeout={manners.timeout_s}"
            return "200 OK", ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", session], ""
        return "200 OK", ["Session: 4711"], ""

    def _description(self) -> str:
        sets = ",".join(base64.b64encode(unit).decode() for unit in (SPS, PPS))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
            "m=audio 0 RTP/AVP 0\r\na=control:track1\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {self.manners.encoding}/90000\r\n"
            f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={sets}\r\n"
            "a=framerate:25\r\na=control:track2\r\n"
        )

    def _challenge(self) -> str:
        if self.manners.scheme == "Basic":
            return 'Basic realm="camera"'
        return f'Digest realm="camera", nonce="n1", qop="auth", algorithm={self.manners.scheme}'

    def _may_enter(self, method: str, uri: str, headers: dict[str, str]) -> bool:
        """Check a login as RFC 7616 and RFC 7617 say, written anew here."""
        if self.manners.login is None:
            return True
        user, password = self.manners.login
        given = headers.get("Authorization", "")
        if self.manners.scheme == "Basic":
            return given == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        fields = {name: quoted or bare for name, quoted, bare in _FIELD.findall(given)}
        algorithm = hashlib.md5 if self.manners.scheme == "MD5" else hashlib.sha256

        def digest(text: str) -> str:
            return algorithm(text.encode()).hexdigest()

        secret, request = digest(f"{user}:camera:{password}"), digest(f"{method}:{uri}")
        middle = f"n1:{fields.get('nc')}:{fields.get('cnonce')}:auth"
        return fields.get("response") == digest(f"{secret}:{middle}:{request}")


_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
