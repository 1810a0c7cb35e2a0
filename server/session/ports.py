"""What a session needs of the media half and of the worker, so that tests can stand in for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.masks.hub import MaskHub
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
from server.media.push import PushStatus
from server.media.push_target import PushTarget
from server.media.region import Rectangle, RegionChoice
from server.media.sight import Sight
from server.media.source import SourceSpec
from server.media.trickle import TrickleFragment
from server.worker.client import Picture, StatusListener
from server.worker.protocol import Dropped, Hello, MemoryRead, Result
from server.worker.state import WorkerStatus


class Pipeline(Protocol):
    """The video of one session; see `server.media.pipeline.MediaPipeline`."""

    @property
    def spec(self) -> SourceSpec:
        """Where it comes from."""

    @property
    def video(self) -> VideoInfo | None:
        """The video as viewers get it; None before the first frame."""

    @property
    def state(self) -> SourceState:
        """Where the source stands."""

    @property
    def reason(self) -> str:
        """One line why."""

    @property
    def retry(self) -> SourceRetry | None:
        """The attempt to connect that comes next, or is under way."""

    @property
    def frames_received(self) -> int:
        """Frames that arrived."""

    @property
    def frames_decoded(self) -> int:
        """Frames decoded."""

    @property
    def drops(self) -> dict[str, int]:
        """What was skipped, by cause."""

    @property
    def encoders(self) -> int:
        """Encoders that work for the session at the moment."""

    @property
    def region(self) -> Rectangle | None:
        """The part of the picture that the model gets; None before it is known."""

    @property
    def sight(self) -> Sight:
        """What the pictures show, and how well."""

    @property
    def region_choice(self) -> RegionChoice:
        """How that part is chosen."""

    def choose_region(self, choice: RegionChoice) -> None:
        """Choose it otherwise; raises `RegionError` for one outside the picture."""

    async def start(self) -> None:
        """Start the source."""

    async def change_source(self, spec: SourceSpec) -> None:
        """Take it from elsewhere; viewers stay."""

    async def aclose(self) -> None:
        """Stop everything."""

    async def whip_accept(self, offer_sdp: str) -> tuple[str, str]:
        """Answer a publisher."""

    async def whip_close(self, publisher_id: str) -> None:
        """End a publisher."""

    async def whip_trickle(
        self, publisher_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        """Take a publisher's later candidates."""

    def attach_frames(self) -> FrameFeed:
        """Let a program push its pictures."""


class Viewers(Protocol):
    """Those who watch one session; see `server.media.whep.WhepViewers`."""

    @property
    def count(self) -> int:
        """How many there are."""

    async def create(
        self, offer_sdp: str, codec: RelayCodec, overlay: Overlay = "clean"
    ) -> tuple[str, str]:
        """Answer a viewer; return its id and the answer."""

    async def trickle(
        self, viewer_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        """Take a viewer's later candidates."""

    def repair(self, viewer_id: str) -> None:
        """Help a viewer whose pictures are spoiled; one that is gone is none."""

    async def close(self, viewer_id: str) -> None:
        """End a viewer."""

    async def aclose(self) -> None:
        """End all viewers."""


class Outputs(Protocol):
    """What a session sends besides its clean video; see `server.session.outputs.SessionOutputs`."""

    @property
    def drops(self) -> dict[str, int]:
        """What was skipped, by cause."""

    @property
    def pushes(self) -> list[PushStatus]:
        """Where each push stands."""

    def start(self) -> None:
        """Begin to push."""

    async def aclose(self) -> None:
        """End everything."""


class MaskWorker(Protocol):
    """What computes masks; see `server.worker.client.WorkerClient`."""

    @property
    def status(self) -> WorkerStatus:
        """Where the worker stands."""

    @property
    def hello(self) -> Hello | None:
        """What the worker said of itself."""

    def add_listener(self, listener: StatusListener) -> None:
        """Call `listener` after every change of `status`."""

    def remove_listener(self, listener: StatusListener) -> None:
        """Undo `add_listener`."""

    async def wait_until_ready(self) -> None:
        """Return once a worker is warm."""

    def open(self, session: str) -> None:
        """Begin a session."""

    def reset(self, session: str) -> None:
        """Empty a session's memory."""

    def close(self, session: str) -> None:
        """End a session."""

    async def read_memory(
        self, session: str, known: tuple[int, ...], maps: tuple[int, ...]
    ) -> MemoryRead:
        """Have the session's next step tell what it reads from memory."""

    async def step(self, picture: Picture) -> Result | Dropped:
        """Have one picture computed."""


class MediaEvents(Protocol):
    """What the media half tells a session, on the event loop."""

    def on_state(self, state: SourceState, reason: str) -> None:
        """The source changed."""

    def on_arrival(self) -> None:
        """A picture arrived, coded."""

    def on_discontinuity(self, reason: str) -> None:
        """What comes next does not continue what came before."""

    def on_sight(self, sight: Sight) -> None:
        """The pictures show something else than before."""

    def on_size(self, pts: int, width: int, height: int) -> None:
        """Pictures have another size, as viewers see them, from this one on."""

    def on_origin(self, viewer_id: str, rtp_origin: int) -> None:
        """A viewer's RTP origin is known."""


@dataclass(frozen=True)
class MediaOrder:
    """What the media half of one session is made from.

    Attributes:
        spec: Where the video comes from.
        pushes: Where it is sent, besides to viewers.
        region: Which part of the picture the network gets.
        mailbox: Where the pictures for the network go.
        masks: Where their masks come from, for those who get them burned in.
        events: Told what happens.
    """

    spec: SourceSpec
    pushes: tuple[PushTarget, ...]
    region: RegionChoice
    mailbox: Mailbox[ModelFrame]
    masks: MaskHub
    events: MediaEvents


@dataclass(frozen=True)
class Media:
    """The media half of one session."""

    pipeline: Pipeline
    viewers: Viewers
    outputs: Outputs


MediaFactory = Callable[[MediaOrder], Media]
