"""The dialogue with an RTSP server (RFC 2326; RFC 7826 where that is compatible)."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import SourceError, SourceLoginError, SourceRefusedError, SourceUnreachableError
from server.media.rtsp.address import RtspAddress
from server.media.rtsp.authentication import Authenticator
from server.media.rtsp.description import VideoDescription, find_video, resolve_control
from server.media.rtsp.message import (
    Interleaved,
    Response,
    RtspSyntaxError,
    ServerRequest,
    read_message,
    request_bytes,
)
from server.media.rtsp.redirect import RedirectError

_READ_LIMIT_BYTES = 1 << 20
_MAX_ANSWERS_AWAITED = 16
_DEFAULT_TIMEOUT_S = 60
_USER_AGENT = "SALI-Live"

PacketTaker = Callable[[int, bytes], None]


class UnsuitableError(Exception):
    """This client is not made for what the server offers; FFmpeg may be. The text says why."""

    def __init__(self, reason: str, *, is_about_transport: bool = False) -> None:
        super().__init__(reason)
        self.is_about_transport = is_about_transport


@dataclass(frozen=True, slots=True)
class Described:
    """A server's answer to DESCRIBE."""

    video: VideoDescription
    base: str


class RtspDialogue:
    """One connection to a server; used by one task at a time, except for `send_keep_alive`.

    Args:
        reader: Of the connection.
        writer: Of the connection.
        address: Where the server is, and the login.
        on_packet: Takes the packets that come between the answers, with their channel.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: RtspAddress,
        on_packet: PacketTaker,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address
        self._on_packet = on_packet
        self._login = Authenticator(address.user, address.password)
        self._cseq = 0
        self._session = ""
        self._base = address.url
        self._keep_alive_method = "OPTIONS"
        self._has_repeated = False
        self.timeout_s = _DEFAULT_TIMEOUT_S

    async def describe(self) -> Described:
        """Ask what there is.

        Raises:
            SourceError: There is no video, or the server refuses.
            RedirectError: It sends us elsewhere.
        """
        options = await self._request("OPTIONS", self._address.url)
        if "GET_PARAMETER" in options.header("public").upper():
            self._keep_alive_method = "GET_PARAMETER"
        told = await self._request("DESCRIBE", self._address.url, Accept="application/sdp")
        self._require_success(told)
        base = told.header("content-base") or told.header("content-location") or self._address.url
        video = find_video(told.body.decode("utf-8", "replace"))
        if video is None:
            raise SourceError(f"{self._address.label} has no video")
        self._base = base
        return Described(video, base)

    async def play(self, described: Described) -> tuple[int, int]:
        """Have the video sent over this connection.

        Returns:
            The channels of its RTP and of its RTCP packets.

        Raises:
            SourceError: The server refuses.
            UnsuitableError: It does not send over TCP.
        """
        control = resolve_control(described.base, described.video.control)
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        setup = await self._request("SETUP", control, Transport=transport)
        if setup.status == 461:
            raise UnsuitableError("the server does not send over TCP", is_about_transport=True)
        self._require_success(setup)
        self._session, _, rest = setup.header("session").partition(";")
        timeout = re.search(r"timeout\s*=\s*(\d{1,6})", rest)
        self.timeout_s = int(timeout[1]) if timeout else _DEFAULT_TIMEOUT_S
        channels = re.search(
            r"interleaved\s*=\s*(\d{1,3})(?:-(\d{1,3}))?", setup.header("transport")
        )
        self._require_success(await self._request("PLAY", described.base, Range="npt=0.000-"))
        if channels is None:
            return 0, 1
        return int(channels[1]), int(channels[2] or int(channels[1]) + 1)

    async def read_media(self) -> None:
        """Pass packets on until the connection ends; answer what the server asks meanwhile.

        Raises:
            SourceError: The server ended the session, or sent what is no RTSP.
        """
        while True:
            answer = await self._read_answer()
            if answer.status == 401:
                self._repeat_keep_alive(answer)
                continue
            self._has_repeated = False
            if answer.status == 454:
                raise SourceError(f"{self._address.label} ended the session")

    def _repeat_keep_alive(self, refusal: Response) -> None:
        """Use the new nonce at once, as the old one has expired; but once an interval only."""
        if not self._login.take(refusal.headers.get("www-authenticate", [])):
            return
        if not self._has_repeated:
            self._has_repeated = True
            self._send(self._keep_alive_method, self._base, {})

    def send_keep_alive(self) -> None:
        """Tell the server that we are still there; `read_media` takes the answer."""
        self._has_repeated = False
        self._send(self._keep_alive_method, self._base, {})

    def close(self) -> None:
        """Say goodbye without waiting for an answer."""
        if self._session and not self._writer.is_closing():
            self._send("TEARDOWN", self._base, {})
        self._writer.close()

    async def _request(self, method: str, uri: str, **headers: str) -> Response:
        """Send a request and return its answer; a login that is asked for is given once."""
        answer = await self._await_answer(self._send(method, uri, headers))
        if answer.status == 401:
            if not self._login.take(answer.headers.get("www-authenticate", [])):
                raise SourceLoginError(self._address.login_needed)
            answer = await self._await_answer(self._send(method, uri, headers))
            if answer.status == 401:
                raise SourceLoginError(self._address.login_needed)
        return answer

    def _send(self, method: str, uri: str, headers: dict[str, str]) -> int:
        self._cseq += 1
        fields = {"CSeq": str(self._cseq), "User-Agent": _USER_AGENT}
        if self._session:
            fields["Session"] = self._session
        authorization = self._login.header(method, uri)
        if authorization is not None:
            fields["Authorization"] = authorization
        self._writer.write(request_bytes(method, uri, fields | headers))
        return self._cseq

    async def _await_answer(self, cseq: int) -> Response:
        for _ in range(_MAX_ANSWERS_AWAITED):
            answer = await self._read_answer()
            if answer.cseq in (cseq, None):
                return answer
        raise SourceError(f"{self._address.label} does not answer what it is asked")

    async def _read_answer(self) -> Response:
        """Return the next answer; packets before it are passed on."""
        label = self._address.label
        try:
            while True:
                message = await read_message(self._reader)
                if isinstance(message, Interleaved):
                    self._on_packet(message.channel, message.payload)
                elif isinstance(message, ServerRequest):
                    self._writer.write(message.to_answer())
                else:
                    return message
        except asyncio.IncompleteReadError as exc:
            raise SourceError(f"{label} closed the connection") from exc
        except OSError as exc:
            raise SourceError(f"{label} broke off ({_cause(exc)})") from exc
        except RtspSyntaxError as exc:
            raise SourceError(f"{label} speaks no RTSP: {exc}") from exc

    def _require_success(self, answer: Response) -> None:
        label, status = self._address.label, answer.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise RedirectError(answer.header("location").strip())
        if status == 403:
            raise SourceLoginError(f"{label}: this user may not see the stream (403)")
        if status == 404:
            raise SourceRefusedError(f"{label}: the server has no stream at this path")
        reason = re.sub(r"[^\w .-]", "", answer.reason)[:60]
        raise SourceRefusedError(f"{label}: the server refused ({status} {reason})")


async def open_dialogue(address: RtspAddress, on_packet: PacketTaker) -> RtspDialogue:
    """Connect to a server.

    Raises:
        SourceUnreachableError: Nothing answers there.
    """
    label = address.label
    try:
        reader, writer = await asyncio.open_connection(
            address.host,
            address.port,
            limit=_READ_LIMIT_BYTES,
        )
    except socket.gaierror as exc:
        raise SourceUnreachableError(
            f"{label} cannot be reached: no host is known by the name {address.host}"
        ) from exc
    except ConnectionRefusedError as exc:
        raise SourceUnreachableError(
            f"{label} cannot be reached: nothing listens at that host and port"
        ) from exc
    except OSError as exc:
        raise SourceUnreachableError(f"{label} cannot be reached ({_cause(exc)})") from exc
    return RtspDialogue(reader, writer, address, on_packet)


def _cause(exc: OSError) -> str:
    """The system's own words, without the address that some messages repeat."""
    return str(exc.strerror or type(exc).__name__).lower()
