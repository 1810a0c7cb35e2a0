"""The burned stream of a session: made once for all who want it, and only while somebody does."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import av
import structlog

from server.burn_in.burner import DecodedPicture, PictureBurner
from server.burn_in.mask_gate import MaskGate
from server.errors import MaskDecodeError
from server.masks.hub import MaskHub
from server.media.clock import Clock
from server.media.encoder import Encoders
from server.media.relay import PacketSubscription, Relay, RelayClosedError

_LATE_PACKETS = 4
_MOST_PICTURES = 16

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class BurnedStream:
    """Reads the clean relay like any viewer and publishes pictures with masks to `relay`.

    It can be as slow as it likes: the clean relay drops what it does not read in time. It starts
    with the first reader of `relay` and ends with the last; in between it has one thread and one
    encoder. Belongs to the session's event loop.

    Args:
        source: The session's clean relay.
        masks: The session's masks and the state of its AI.
        clock: The clock that stamped the packets.
        encoders: Make the encoder.
        mask_wait_ms: Greatest age up to which a picture waits for its mask.
    """

    def __init__(
        self,
        source: Relay,
        masks: MaskHub,
        *,
        clock: Clock,
        encoders: Encoders,
        mask_wait_ms: int,
    ) -> None:
        self.relay = Relay(self._on_readers)
        self._source = source
        self._masks = masks
        self._clock = clock
        self._encoders = encoders
        self._mask_wait_ms = mask_wait_ms
        self._counts: Counter[str] = Counter()
        self._run: asyncio.Task[None] | None = None
        self._is_ending = False
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether pictures are decoded, drawn and encoded at the moment."""
        return self._run is not None and not self._run.done()

    @property
    def drops(self) -> dict[str, int]:
        """What is not in the burned stream, or did not reach its readers, by cause."""
        total = Counter(self._counts) + Counter(self.relay.drops)
        return dict(total)

    async def aclose(self) -> None:
        """End the stream for everybody."""
        self._is_closed = True
        self.relay.close()
        if self._run is not None:
            if not self._is_ending:
                self._run.cancel()
            await asyncio.wait({self._run})

    def _on_readers(self, readers: int) -> None:
        """Start with the first reader, end with the last."""
        if not readers and self._run is not None:
            self._is_ending = True
            self._run.cancel()
        elif readers and not self._is_closed and (self._is_ending or not self.is_running):
            self._is_ending = False
            self._run = asyncio.create_task(self._work(self._run), name="sali-burned")

    async def _work(self, before: asyncio.Task[None] | None) -> None:
        """Burn until cancelled or until the clean relay is closed."""
        if before is not None:
            await asyncio.wait({before})
        gate = MaskGate(self._masks, self._clock, self._mask_wait_ms)
        burner = PictureBurner(self._encoders.create(), self._mask_wait_ms)
        work = _BurnWork(self, gate, burner)
        try:
            await work.run(self._source, self._masks)
        except RelayClosedError:
            _log.debug("burn_in_ended")
        except Exception as exc:  # noqa: BLE001
            # A fault of ours must end the burned stream in plain sight, and nothing else.
            _log.exception("burn_in_fault", reason=type(exc).__name__)
        finally:
            self.relay.restart()
            self.relay.set_keyframe_request(None)
            await work.aclose()
        # Reached when the video or this stream is over, not when its last reader has left.
        self.relay.close()

    def count(self, cause: str) -> None:
        """Count a picture that is not in the stream. For its work only."""
        self._counts[cause] += 1


class _BurnWork:
    """One run of the stream: its thread, its codecs, and the pictures on their way."""

    def __init__(self, stream: BurnedStream, gate: MaskGate, burner: PictureBurner) -> None:
        self._stream = stream
        self._gate = gate
        self._burner = burner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sali-burn")
        self._pictures: deque[DecodedPicture] = deque()
        self._arrived = asyncio.Event()
        # Whether another packet waits or is being decoded.
        self._has_newer = False

    async def run(self, source: Relay, masks: MaskHub) -> None:
        """Read, decode, wait, draw, encode, publish."""
        subscription = source.subscribe("burn_queue")
        self._stream.relay.set_keyframe_request(self._burner.request_keyframe)
        try:
            async with asyncio.TaskGroup() as halves:
                halves.create_task(self._read(source, subscription))
                halves.create_task(self._write(masks))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._gate.close()
            subscription.close()

    async def aclose(self) -> None:
        """End the thread after the picture in hand, then free the codecs."""
        try:
            await asyncio.to_thread(self._thread.shutdown)
        finally:
            self._burner.close()

    async def _read(self, source: Relay, subscription: PacketSubscription) -> None:
        """Decode every packet; keep the pictures of those that are not late."""
        while True:
            self._has_newer = subscription.waiting > 0
            packet = await subscription.get()
            self._has_newer = True
            try:
                pictures = await self._in_thread(lambda: self._burner.decode(packet))  # noqa: B023
            except av.FFmpegError:
                self._stream.count("burn_corrupt")
                # What was read is what the source sent: only another keyframe can help.
                source.request_keyframe()
                continue
            waiting = subscription.waiting
            for picture in pictures:
                is_overdue = waiting > 0 and self._gate.is_overdue(picture.captured_at_ns)
                self._keep(picture, is_late=waiting > _LATE_PACKETS or is_overdue)

    def _keep(self, picture: DecodedPicture, *, is_late: bool) -> None:
        """Queue a picture; the oldest goes where there are too many."""
        if is_late:
            self._stream.count("burn_late")
            return
        if len(self._pictures) >= _MOST_PICTURES:
            self._pictures.popleft()
            self._stream.count("burn_late")
        self._pictures.append(picture)
        self._arrived.set()

    async def _write(self, masks: MaskHub) -> None:
        """Give each picture its mask, or not, and publish it."""
        while True:
            while not self._pictures:
                self._arrived.clear()
                await self._arrived.wait()
            picture = self._pictures.popleft()
            # Shown before, by an earlier run: the first picture that is encoded is a keyframe.
            if picture.pts <= self._stream.relay.last_pts:
                self._stream.count("burn_late")
                continue
            has_newer = self._has_newer or bool(self._pictures)
            if has_newer and self._gate.is_overdue(picture.captured_at_ns):
                self._stream.count("burn_late")
                continue
            mask = await self._gate.mask_for(picture.pts, picture.captured_at_ns)
            if mask is None:
                self._stream.count("burn_no_mask")
            state = masks.state
            try:
                packet = await self._in_thread(
                    lambda: self._burner.burn(picture, mask, state)  # noqa: B023
                )
            except (av.FFmpegError, MaskDecodeError):
                self._stream.count("burn_failed")
                self._burner.request_keyframe()
                continue
            if packet is not None and packet.pts > self._stream.relay.last_pts:
                self._stream.relay.publish(packet)

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
