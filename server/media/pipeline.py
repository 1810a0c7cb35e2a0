"""The media half of one session: a source, a relay to viewers, a decoder for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.errors import ServiceError, SourceError, SourceRefusedError
from server.media.clock import Clock
from server.media.encoder import Encoders
from server.media.feed import Source
from server.media.frame import (
    CLOCK_RATE_HZ,
    ModelFrame,
    SourcePacket,
    SourceRetry,
    SourceState,
    StreamFormat,
    VideoInfo,
)
from server.media.frames_source import FrameFeed, FramesSource
from server.media.mailbox import Mailbox
from server.media.region import FULL, Rectangle, RegionChoice, chosen_rectangle, require_within
from server.media.relay import Relay
from server.media.router import PacketRouter
from server.media.sight import Sight
from server.media.source import SourceSpec
from server.media.source_factory import SourceOptions, create_source
from server.media.timeline import Timeline
from server.media.trickle import TrickleFragment
from server.media.view_watch import ViewLimits
from server.media.whip_source import WhipSource


class MediaPipeline:
    """Runs the video of one session.

    A packet that browsers can play goes to the relay as it came, before anything else happens to
    it; the same packet goes to the decoder thread. Other video is decoded and encoded once. Either
    way the `ModelFrame` of a picture and the relayed packet of that picture have the same `pts`.

    Owned by the session, on its event loop; the callbacks are called on that loop too.

    Args:
        spec: Where the video comes from.
        model_size: (height, width) of the model's pictures.
        mailbox: Where the newest picture for the model is put; stays the caller's.
        clock: Time, for pacing and for `captured_at_ns`.
        on_state: Called with every new state of the source and its reason.
        on_discontinuity: Called, with the reason, when the model must forget what it saw, before
            the first picture that follows is put into the mailbox.
        on_arrival: Called for every coded picture that arrives.
        options: What the operator chose for sources.
        encoders: Make the encoder for video that browsers cannot play.
        region: Which part of the picture the model gets.
        view: How the pictures are looked at; by default they are not.
        on_sight: Called when they show something else than before.
        on_size: Called with pts, width and height of the first picture, and of each that has
            another size than the one before (as viewers get them).
    """

    def __init__(
        self,
        spec: SourceSpec,
        *,
        model_size: tuple[int, int] = (352, 352),
        mailbox: Mailbox[ModelFrame],
        clock: Clock,
        on_state: Callable[[SourceState, str], None],
        on_discontinuity: Callable[[str], None],
        on_arrival: Callable[[], None] = lambda: None,
        options: SourceOptions | None = None,
        encoders: Encoders | None = None,
        region: RegionChoice = FULL,
        view: ViewLimits | None = None,
        on_sight: Callable[[Sight], None] = lambda sight: None,
        on_size: Callable[[int, int, int], None] = lambda pts, width, height: None,
    ) -> None:
        self.relay = Relay()
        self.sight = Sight()
        self.spec = spec
        self.state = SourceState.CONNECTING
        self.reason = ""
        self.retry: SourceRetry | None = None
        self.frames_received = 0
        self._lost = 0
        self.region_choice = region
        self._mailbox = mailbox
        self._on_state = on_state
        self._on_discontinuity = on_discontinuity
        self._on_sight = on_sight
        self._on_size = on_size
        self._on_arrival = on_arrival
        self._clock = clock
        self._options = options or SourceOptions()
        self._timeline = Timeline()
        self._source = self._create_source(spec)
        self._encoders = encoders or Encoders()
        self._router = PacketRouter(
            self.relay,
            mailbox,
            model_size,
            spec.label,
            self._source,
            self,
            clock,
            self._encoders,
            region,
            view or ViewLimits(is_checked=False),
        )
        self._task: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._last_packet_ns: int | None = None
        self._is_closing = False
        self._has_failed = False

    @property
    def video(self) -> VideoInfo | None:
        """The video as viewers get it; None before the first picture was decoded."""
        return self._router.video

    @property
    def frames_decoded(self) -> int:
        """Pictures decoded so far, whether the model got them or not."""
        return self._router.decoded

    @property
    def drops(self) -> dict[str, int]:
        """What did not reach the model or a viewer, by cause."""
        return {
            **self._router.drops,
            "source_lost": self._lost,
            "mailbox": self._mailbox.drops,
            **self.relay.drops,
        }

    @property
    def encoders(self) -> int:
        """Encoders of this session that work: 0 while all get the source's own packets."""
        return self._encoders.open

    @property
    def region(self) -> Rectangle | None:
        """The part that the model gets of the next picture; None before it is known."""
        if self.video is not None and self.region_choice.mode != "auto":
            return chosen_rectangle(self.region_choice, (self.video.width, self.video.height))
        return self._router.region

    def choose_region(self, choice: RegionChoice) -> None:
        """Give the model another part of the picture, from the next picture on.

        Raises:
            RegionError: The rectangle lies outside the picture.
        """
        if self.video is not None:
            require_within(choice, (self.video.width, self.video.height))
        self.region_choice = choice
        self._router.choose_region(choice)

    async def start(self) -> None:
        """Start the source; its troubles are told through `on_state`, never raised here."""
        self._router.start()
        self._task = asyncio.create_task(self._run(), name="sali-source")

    async def change_source(self, spec: SourceSpec) -> None:
        """Take the video from elsewhere from now on; viewers stay, the model forgets.

        A pipeline that has failed works again.
        """
        async with self._changing:
            await self._stop_source()
            if self._is_closing:
                return
            self.spec = spec
            self._source = self._create_source(spec)
            self._router.change_source(self._source, spec.label)
            self._has_failed = False
            self._task = asyncio.create_task(self._run(), name="sali-source")

    async def aclose(self) -> None:
        """Stop everything and end every viewer's subscription. Calling it twice is harmless."""
        self._is_closing = True
        async with self._changing:
            await self._stop_source()
        await self._router.aclose()
        self.relay.close()

    async def _stop_source(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if isinstance(self._source, WhipSource):
            await self._source.aclose()

    def _create_source(self, spec: SourceSpec) -> Source:
        return create_source(
            spec, clock=self._clock, timeline=self._timeline, options=self._options
        )

    async def whip_accept(self, offer_sdp: str) -> tuple[str, str]:
        """Answer a publisher's offer; returns the publisher's id and the SDP answer.

        Raises:
            SourceRefusedError: This session's source is not WHIP, or has failed.
            PublisherBusyError: Somebody publishes already.
            InvalidOfferError: The offer cannot be used.
            UnsupportedCodecError: It offers neither H.264 nor VP8.
        """
        source = self._whip()
        self._require_working()
        return await source.accept(offer_sdp)

    async def whip_close(self, publisher_id: str) -> None:
        """End a publisher; the session waits for the next one.

        Raises:
            SourceRefusedError: This session's source is not WHIP.
            ResourceNotFoundError: No publisher has this id.
        """
        await self._whip().close(publisher_id)

    async def whip_trickle(
        self, publisher_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        """Take candidates that a publisher sends after its offer.

        Raises:
            SourceRefusedError: This session's source is not WHIP.
            ResourceNotFoundError: No publisher has this id.
            ProtocolError: The entity tag is missing or wrong, or a restart is asked for.
        """
        await self._whip().trickle(publisher_id, if_match, fragment)

    def attach_frames(self) -> FrameFeed:
        """Let a program push its pictures.

        Raises:
            SourceRefusedError: This session's source is not `frames`, or has failed.
            PublisherBusyError: Another program pushes already.
        """
        if not isinstance(self._source, FramesSource):
            raise SourceRefusedError("this session takes no frames; its source is not frames")
        self._require_working()
        return self._source.attach()

    def _require_working(self) -> None:
        if self._has_failed:
            raise SourceRefusedError(f"{self.reason}; start a new session or choose another source")

    def _whip(self) -> WhipSource:
        if not isinstance(self._source, WhipSource):
            raise SourceRefusedError("this session takes no publisher; its source is not whip")
        return self._source

    async def _run(self) -> None:
        self.report(SourceState.CONNECTING, "")
        try:
            await self._source.run(self)
            self._router.finish()
        except ServiceError as error:
            self._fail(str(error))
        except Exception as exc:  # noqa: BLE001
            # A fault of ours must end this session's video in plain sight, and nothing else.
            self._fail(f"the source failed ({type(exc).__name__}: {exc})")

    def _fail(self, reason: str) -> None:
        """Report the failure as the last thing: nothing decodes what comes after it."""
        self.report(SourceState.FAILED, reason)
        self._has_failed = True

    def begin(
        self, stream: StreamFormat, reason: str | None, *, is_same_picture: bool = False
    ) -> None:
        """Take up a new stretch of video; for the source."""
        last_ns = self._last_packet_ns
        if reason is None and last_ns is not None:
            # The first stretch of this source, and not the first of this session.
            lost_ns = self._clock.monotonic_ns() - last_ns
            self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
            reason, is_same_picture = "another source", False
        self._router.begin(stream, reason, is_same_picture=is_same_picture)

    def packet(self, packet: SourcePacket) -> None:
        """Take a packet; for the source. After a failure it is left out."""
        if self._has_failed:
            return
        self.frames_received += 1
        self._on_arrival()
        self._last_packet_ns = self._clock.monotonic_ns()
        if self.state is not SourceState.PLAYING:
            self.report(SourceState.PLAYING, "")
        self._router.packet(packet)

    def lost(self, pictures: int) -> None:
        """Count pictures that came incomplete; for the source."""
        self._lost += pictures

    def report(self, state: SourceState, reason: str, retry: SourceRetry | None = None) -> None:
        """Pass the source's state on; for the source. A failure is final."""
        if self._has_failed:
            return
        self.state = state
        self.reason = reason
        self.retry = retry
        if not self._is_closing:
            self._on_state(state, reason)

    def model_must_forget(self, reason: str) -> None:
        """Pass a discontinuity on; for the router."""
        if not self._is_closing:
            self._on_discontinuity(reason)

    def see(self, sight: Sight) -> None:
        """Pass on what the pictures show; for the router."""
        self.sight = sight
        if not self._is_closing:
            self._on_sight(sight)

    def size_changed(self, pts: int, width: int, height: int) -> None:
        """Pass on the size of what comes; for the router."""
        if not self._is_closing:
            self._on_size(pts, width, height)

    def decoding_failed(self, error: ServiceError) -> None:
        """Have the source try again; stop it, if it would only deliver the same once more."""
        if self._source.give_up(error):
            return
        if self._task is not None:
            self._task.cancel()
        self._fail(str(error))

    def nothing_decoded(self) -> None:
        """Have the source try again, if it can: what comes is not what it was said to be."""
        self._source.give_up(SourceError(f"{self.spec.label}: its video cannot be decoded"))
