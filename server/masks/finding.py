"""A finding as clients are told of it, by HTTP and in the mask WebSocket (docs/protocol.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from server.masks.message import RunLengths

FindingStatus = Literal["open", "accepted", "rejected"]


class _Frozen(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True)


class StillFacts(_Frozen):
    """The picture kept of a finding, and the mask of that very frame.

    The picture is the frame cut to `region`, [x, y, width, height] in pixels of a source of
    `source_size`; `rle` covers exactly that region, `box` is in source pixels. Sizes are
    [height, width].
    """

    pts: int
    picture_size: tuple[int, int]
    source_size: tuple[int, int]
    region: tuple[int, int, int, int]
    box: tuple[float, float, float, float]
    rle: RunLengths


class Finding(_Frozen):
    """A polyp that was found for long enough.

    `revision` grows with every change. `is_in_sight` until it was not found for a second (the
    longest gap in a track). `largest_share` is of the region, 0 to 1; `score` the
    greatest mean probability; `still` is null until its picture is written.
    """

    id: str
    revision: int = 1
    status: FindingStatus = "open"
    note: str = ""
    track: int
    is_in_sight: bool = True
    first_seen_pts: int
    first_seen_at: datetime
    last_seen_pts: int
    last_seen_at: datetime
    seen_ms: int
    largest_share: float
    score: float
    still: StillFacts | None = None


class FindingMessage(_Frozen):
    """A finding is new, or has changed."""

    type: Literal["finding"] = "finding"
    finding: Finding


class FindingsRemovedMessage(_Frozen):
    """Findings are gone: the session was reset, or there were too many."""

    type: Literal["findings_removed"] = "findings_removed"
    ids: tuple[str, ...]
