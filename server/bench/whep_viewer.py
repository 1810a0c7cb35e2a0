"""A viewer without a picture: takes what WHEP sends, up to whole coded pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiortc import RTCSessionDescription

from server.bench.http_client import request
from server.errors import BenchError
from server.media import negotiation
from server.media.aiortc_internals import ReceiverTap
from server.media.frame_assembler import RtpFrame

OnPicture = Callable[[bytes, int], None]
"""Takes a coded picture and the monotonic time at which its last packet was there."""


class WhepViewer:
    """One connection to a session.

    Args:
        service_url: Of the service.
        session: The session's id.
        on_picture: Called for each picture.
        burned: Asks for the pictures with masks burned in.
    """

    def __init__(
        self, service_url: str, session: str, on_picture: OnPicture, *, burned: bool = False
    ) -> None:
        query = "?overlay=burned" if burned else ""
        self._url = f"{service_url}/v1/sessions/{session}/whep{query}"
        self._service_url = service_url
        self._resource = ""
        self._on_picture = on_picture
        self._peer = negotiation.create_peer()

    async def connect(self) -> None:
        """Join the session.

        Raises:
            BenchError: It refuses.
        """
        peer = self._peer
        transceiver = peer.addTransceiver("video", "recvonly")
        transceiver.setCodecPreferences(negotiation.video_codecs("H264"))
        ReceiverTap(transceiver.receiver, self._take)
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp.encode()
        reply = await asyncio.to_thread(request, self._url, "POST", offer, "application/sdp")
        if reply.status != 201:
            raise BenchError(f"WHEP was answered {reply.status}: {reply.body[:200]!r}")
        self._resource = self._service_url + reply.headers["location"]
        answer = RTCSessionDescription(reply.body.decode(), "answer")
        await peer.setRemoteDescription(answer)

    async def aclose(self) -> None:
        """Leave."""
        if self._resource:
            await asyncio.to_thread(request, self._resource, "DELETE")
        await self._peer.close()

    def _take(self, codec: str, frame: RtpFrame) -> None:
        self._on_picture(frame.data, time.monotonic_ns())
