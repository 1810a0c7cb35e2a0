"""`SALI_REVIEW__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class ReviewSettings(SettingsGroup):
    """How much is kept of videos that are reviewed."""

    max_reviews: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Videos under review at the same time; the one looked at longest ago makes "
        "room for another",
    )
    max_megabytes: int = Field(
        default=8192,
        ge=1,
        description="Room on disk for the temporary copy of one video under review, and for its "
        "masks; they are deleted with the review",
    )
