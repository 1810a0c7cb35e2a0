"""A media half without media: a test plays its source, its viewers and its publisher."""

from __future__ import annotations

from server.errors import PublisherBusyError, ResourceNotFoundError, SourceRefusedError
from server.media.frame import (
    ModelFrame,
    Overlay,
    RelayCodec,
    SourceRetry,
    SourceState,
    VideoInfo,
)
from server.media.frames_source import FrameFeed
from server.media.mailbox import Mailbox
from server.media.picture_quality import Poor
from server.media.push import PushStatus
from server.media.push_target import PushTarget
from server.media.region import Rectangle, RegionChoice, require_within
from server.media.sight import Sight
from server.media.source import SourceSpec
from server.media.trickle import TrickleFragment, require_match
from server.media.view import View
from server.session.ports import Media, MediaEvents, MediaOrder

MODEL_BYTES = 352 * 352 * 3
RTP_ORIGIN = 123456


class FakePipeline:
    """Implements `server.session.ports.Pipeline`."""

    def __init__(
        self,
        spec: SourceSpec,
        region: RegionChoice,
        mailbox: Mailbox[ModelFrame],
        events: MediaEvents,
    ) -> None:
        self.spec = spec
        self.region_choice = region
        self.region: Rectangle | None = None
        self.sight = Sight()
        self.mailbox = mailbox
        self.events = events
        self.video: VideoInfo | None = None
        self.state = SourceState.CONNECTING
        self.reason = ""
        self.retry: SourceRetry | None = None
        self.frames_received = 0
        self.is_closed = False
        self.publisher: str | None = None
        self.trickled: list[TrickleFragment] = []

    @property
    def frames_decoded(self) -> int:
        return self.frames_received

    @property
    def encoders(self) -> int:
        return 0

    @property
    def drops(self) -> dict[str, int]:
        return {"mailbox": self.mailbox.drops, "relay": 0}

    def choose_region(self, choice: RegionChoice) -> None:
        if self.video is not None:
            require_within(choice, (self.video.width, self.video.height))
        self.region_choice = choice

    async def start(self) -> None:
        self.set_state(SourceState.CONNECTING, "")

    async def change_source(self, spec: SourceSpec) -> None:
        self.spec = spec
        self.set_state(SourceState.CONNECTING, "")

    async def aclose(self) -> None:
        self.is_closed = True

    async def whip_accept(self, offer_sdp: str) -> tuple[str, str]:
        if self.spec.kind != "whip":
            raise SourceRefusedError("this session takes no publisher")
        if self.publisher is not None:
            raise PublisherBusyError("somebody publishes already")
        self.publisher = "p1"
        return "p1", f"answer to {offer_sdp}"

    async def whip_close(self, publisher_id: str) -> None:
        if publisher_id != self.publisher:
            raise ResourceNotFoundError("no publisher has this id")
        self.publisher = None

    async def whip_trickle(
        self, publisher_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        if publisher_id != self.publisher:
            raise ResourceNotFoundError("no publisher has this id")
        require_match(if_match, publisher_id)
        self.trickled.append(fragment)

    def attach_frames(self) -> FrameFeed:
        raise SourceRefusedError("this session takes no frames")

    def set_state(self, state: SourceState, reason: str, retry: SourceRetry | None = None) -> None:
        self.state = state
        self.retry = retry
        self.reason = reason
        self.events.on_state(state, reason)

    def show(self, view: View, poor: Poor | None = None, *, instrument: bool = False) -> None:
        """Show something else."""
        self.sight = Sight(view, poor, instrument)
        self.events.on_sight(self.sight)

    def play(self, codec: RelayCodec = "h264") -> None:
        """Have video, 640x480."""
        self.video = VideoInfo(640, 480, 25.0, codec)
        self.set_state(SourceState.PLAYING, "")

    def put(self, captured_at_ns: int, *, is_left_out: bool = False) -> ModelFrame:
        """Deliver one grey frame."""
        frame = ModelFrame(
            sequence=self.frames_received,
            pts=3600 * self.frames_received,
            captured_at_ns=captured_at_ns,
            source_size=(480, 640),
            region=(64, 0, 352, 176),
            rgb=bytes(MODEL_BYTES),
            is_left_out=is_left_out,
        )
        self.arrive()
        self.mailbox.put(frame)
        return frame

    def arrive(self) -> None:
        """Have a coded picture arrive, of which nothing is decoded yet."""
        self.frames_received += 1
        self.events.on_arrival()


class FakeViewers:
    """Implements `server.session.ports.Viewers`."""

    def __init__(self, events: MediaEvents) -> None:
        self._events = events
        self._viewers: set[str] = set()
        self._created = 0
        self.is_closed = False
        self.repaired: list[str] = []

    @property
    def count(self) -> int:
        return len(self._viewers)

    async def create(
        self, offer_sdp: str, codec: RelayCodec, overlay: Overlay = "clean"
    ) -> tuple[str, str]:
        self._created += 1
        viewer = f"v{self._created}"
        self._viewers.add(viewer)
        return viewer, f"{overlay} {codec} answer to {offer_sdp}"

    async def trickle(
        self, viewer_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        if viewer_id not in self._viewers:
            raise ResourceNotFoundError("no viewer has this id")
        require_match(if_match, viewer_id)

    def repair(self, viewer_id: str) -> None:
        if viewer_id in self._viewers:
            self.repaired.append(viewer_id)

    async def close(self, viewer_id: str) -> None:
        if viewer_id not in self._viewers:
            raise ResourceNotFoundError("no viewer has this id")
        self._viewers.discard(viewer_id)

    async def aclose(self) -> None:
        self.is_closed = True
        self._viewers.clear()

    def connect(self, viewer_id: str) -> None:
        """The first packet of a viewer has left."""
        self._events.on_origin(viewer_id, RTP_ORIGIN)


class FakeOutputs:
    """Implements `server.session.ports.Outputs`; the test decides how pushes stand."""

    def __init__(self, targets: tuple[PushTarget, ...]) -> None:
        self._targets = targets
        self.is_started = False
        self.is_closed = False
        self.drops: dict[str, int] = {}

    @property
    def pushes(self) -> list[PushStatus]:
        return [PushStatus(t.label, t.overlay, "connecting", "", 0) for t in self._targets]

    def start(self) -> None:
        self.is_started = True

    async def aclose(self) -> None:
        self.is_closed = True


class FakeMedia:
    """A `MediaFactory` that remembers what it made, the newest last."""

    def __init__(self) -> None:
        self.pipelines: list[FakePipeline] = []
        self.viewers: list[FakeViewers] = []
        self.outputs: list[FakeOutputs] = []

    def __call__(self, order: MediaOrder) -> Media:
        self.pipelines.append(FakePipeline(order.spec, order.region, order.mailbox, order.events))
        self.viewers.append(FakeViewers(order.events))
        self.outputs.append(FakeOutputs(order.pushes))
        return Media(self.pipelines[-1], self.viewers[-1], self.outputs[-1])
