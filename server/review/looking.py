"""Looks at the pictures of a film as a live session does: region, view and quality."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from server.media.container import check_picture_size
from server.media.encoder import relayed_size
from server.media.frame import CLOCK_RATE_HZ, ModelFrame
from server.media.model_feed import ModelFeed
from server.media.picture_decoder import PictureDecoder
from server.media.region import RegionChoice
from server.media.sight import Sight
from server.media.view_watch import ViewLimits
from server.review.decoding import FilmPicture, decode_film
from server.review.film import Film
from server.session.mask_loop import MODEL_SIZE

_GAP_TICKS = 2 * CLOCK_RATE_HZ


@dataclass(frozen=True)
class Looked:
    """What becomes of one picture.

    Attributes:
        pts: The picture's.
        frame: For the network; None where no mask belongs on it.
        cause: Why there is none: "region" while it is looked for, or the view.
        forgets: Whether the memory must be emptied before it.
    """

    pts: int
    frame: ModelFrame | None
    cause: str
    forgets: bool


@dataclass(frozen=True)
class Eye:
    """How the pictures are looked at."""

    region: RegionChoice
    view: ViewLimits


class _Tray:
    """Holds the one picture that the feed made."""

    def __init__(self) -> None:
        self.item: ModelFrame | None = None

    def put(self, item: ModelFrame) -> None:
        self.item = item

    def discard(self) -> None:
        self.item = None


class FilmLooker:
    """The pictures of a file, one after the other. Belongs to one thread at a time; blocks.

    Args:
        path: The file.
        eye: How they are looked at.
        is_reencoded: Whether browsers get the film encoded again.
    """

    def __init__(self, path: str, eye: Eye, *, is_reencoded: bool) -> None:
        self._label = Path(path).name
        self._film = Film(path)
        self._tray = _Tray()
        self._feed = ModelFeed(self, self._tray, MODEL_SIZE, eye.region, eye.view)
        self._sight = Sight()
        self._forgets = False
        self._size: tuple[int, int] | None = None
        self._sequence = 0
        self._last_pts: int | None = None
        self._is_reencoded = is_reencoded
        self._looked = self._look_at_all()

    def next(self) -> list[Looked]:
        """Return what came of the next packets, at least one picture; none at the end.

        Raises:
            SourceError: The file cannot be read or decoded further.
        """
        return next(self._looked, [])

    def close(self) -> None:
        """Close the file."""
        self._looked.close()
        self._film.close()

    # What the feed tells (FeedListener).

    def on_discontinuity(self, reason: str) -> None:
        """The memory ends before the next picture."""
        self._forgets = True

    def on_sight(self, sight: Sight) -> None:
        """The pictures show something else than before."""
        self._sight = sight

    def _look_at_all(self) -> Generator[list[Looked]]:
        decoder = PictureDecoder(self._film.format, self._label)
        for pictures in decode_film(self._film, decoder, is_reencoded=self._is_reencoded):
            yield [self._look_at(picture) for picture in pictures]

    def _look_at(self, picture: FilmPicture) -> Looked:
        frame, pts = picture.frame, picture.pts
        check_picture_size(frame.width, frame.height, self._label)
        size = (frame.width, frame.height)
        if self._is_reencoded:
            size = relayed_size(*size)
        if self._last_pts is not None and pts - self._last_pts > _GAP_TICKS:
            self._feed.pass_over_gap()
        if self._size not in (None, size):
            self._feed.begin_stretch("the picture size changed")
        self._size, self._last_pts = size, pts
        searches = self._feed.drops["region"]
        self._tray.discard()
        self._feed.take(
            frame,
            size,
            sequence=self._sequence,
            pts=pts,
            captured_at_ns=pts * 1_000_000_000 // CLOCK_RATE_HZ,
        )
        self._sequence += 1
        forgets, self._forgets = self._forgets, False
        is_searching = self._feed.drops["region"] > searches
        cause = "region" if is_searching else self._sight.view.value
        taken = self._tray.item
        return Looked(pts, taken, "" if taken is not None else cause, forgets)
