"""What the model gets of decoded pictures: the endoscopic part, where masks belong on it."""

from __future__ import annotations

from typing import Protocol

import av

from server.media.cropper import Cropper, rgb_rows
from server.media.frame import CLOCK_RATE_HZ, ModelFrame
from server.media.instrument_watch import InstrumentWatch
from server.media.quality_watch import QualityWatch
from server.media.region import Rectangle, RegionChoice
from server.media.region_watch import RegionWatch
from server.media.sight import Sight
from server.media.view_watch import ViewLimits, ViewWatch


class FeedListener(Protocol):
    """Whom the feed tells what it found; on the thread that decodes."""

    def on_discontinuity(self, reason: str) -> None:
        """The next picture does not continue the last; returns when everybody knows."""

    def on_sight(self, sight: Sight) -> None:
        """The pictures show something else than before."""


class PictureTray(Protocol):
    """Where the pictures go."""

    def put(self, item: ModelFrame) -> None:
        """Leave a picture."""

    def discard(self) -> None:
        """Take away one that nobody took."""


class ModelFeed:
    """Looks at decoded pictures and leaves the newest for the model.

    Belongs to the thread that decodes, but for `region` and `choose_region`.

    Args:
        listener: Told of discontinuities and of what the pictures show.
        mailbox: Where the pictures go.
        model_size: (height, width) of the model's pictures.
        region: Which part of the picture it gets.
        view: How the pictures are looked at.
    """

    def __init__(
        self,
        listener: FeedListener,
        mailbox: PictureTray,
        model_size: tuple[int, int],
        region: RegionChoice,
        view: ViewLimits,
    ) -> None:
        self._listener = listener
        self._mailbox = mailbox
        self._model_size = model_size
        self._region_choice = region
        self._region: Rectangle | None = None
        self._cropper = Cropper(model_size)
        self._region_watch = RegionWatch(region)
        self._view_watch = ViewWatch(view)
        self._judges_quality, self._remembers_poor = view.is_checked, view.remembers_poor
        self._quality = QualityWatch()
        self._instruments = InstrumentWatch()
        self._looks_for_instruments = view.is_checked and view.tells_instruments
        self._sight = Sight()
        self._is_poor = False
        self.drops = {"region": 0, "view": 0}

    @property
    def region(self) -> Rectangle | None:
        """The part of the picture that the model gets; None before it is known."""
        return self._region

    def choose_region(self, choice: RegionChoice) -> None:
        """Give the model another part of the picture, from the next picture on."""
        if choice != self._region_choice:
            self._region = None
        self._region_choice = choice

    def begin_stretch(self, reason: str) -> None:
        """Forget: empty the mailbox first, no picture from before may be taken after the reset."""
        self._mailbox.discard()
        self._listener.on_discontinuity(reason)

    def look_afresh(self) -> None:
        """Forget where the picture lay: another source's frame may hold text there."""
        self._region_watch.restart()
        self._view_watch.restart()
        self._quality.restart()
        self._instruments.restart()
        self._region = None

    def pass_over_gap(self) -> None:
        """Begin a stretch; the gap is no part of the time for which the picture is looked for."""
        self.begin_stretch("no video for more than two seconds")
        if self._region_watch.region is None:
            self.look_afresh()

    def take(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int],
        *,
        sequence: int,
        pts: int,
        captured_at_ns: int,
    ) -> None:
        """Leave a picture for the model, unless its region is looked for or no masks belong on it.

        Args:
            frame: As decoded.
            size: (width, height) of the picture as viewers see it.
            sequence: Its number in the session.
            pts: Its time on the session's clock.
            captured_at_ns: Monotonic time at which it arrived.
        """
        width, height = size
        region = self._find_region(frame, size, pts)
        if region is None:
            self.drops["region"] += 1
            return
        is_whole = region == (0, 0, width, height)
        # An odd picture is a pixel larger than what viewers see of it.
        part = (0, 0, frame.width, frame.height) if is_whole else region
        rgb = rgb_rows(self._cropper.crop(frame, part))
        if not self._belongs_to_model(rgb, pts):
            self.drops["view"] += 1
            return
        self._mailbox.put(
            ModelFrame(
                sequence=sequence,
                pts=pts,
                captured_at_ns=captured_at_ns,
                source_size=(height, width),
                region=region,
                rgb=rgb,
                picture=frame,
                is_left_out=self._is_poor and not self._remembers_poor,
            )
        )

    def _find_region(
        self, frame: av.VideoFrame, size: tuple[int, int], pts: int
    ) -> Rectangle | None:
        """Return the part of a picture that the model gets; None while it is looked for."""
        self._region_watch.choose(self._region_choice)
        if self._region_watch.take(frame, size, pts / CLOCK_RATE_HZ):
            self.begin_stretch("the picture region changed")
        self._region = self._region_watch.region
        return self._region

    def _belongs_to_model(self, rgb: bytes | memoryview, pts: int) -> bool:
        """Follow what the pictures show; whether this one is to have a mask."""
        time_s = pts / CLOCK_RATE_HZ
        must_forget = self._view_watch.take(rgb, self._model_size, time_s)
        view = self._view_watch.view
        self._is_poor = False
        if not view.has_masks:
            self._quality.restart()
            self._instruments.restart()
            self._mailbox.discard()
        else:
            self._judge(rgb, time_s)
        sight = Sight(view, self._quality.told, self._instruments.told)
        if sight != self._sight:
            self._sight = sight
            self._listener.on_sight(sight)
        if must_forget:
            self.begin_stretch(view.reason)
        return view.has_masks

    def _judge(self, rgb: bytes | memoryview, time_s: float) -> None:
        """Follow how good the pictures are and whether an instrument is in them."""
        if self._judges_quality:
            self._is_poor = self._quality.take(rgb, self._model_size, time_s) is not None
        if self._looks_for_instruments:
            self._instruments.take(rgb, self._model_size, time_s)
