"""`SALI_FINDINGS__*`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.settings.group import SettingsGroup


class FindingSettings(SettingsGroup):
    """When a polyp is told as a finding."""

    window_ms: int = Field(
        default=240, ge=0, le=2000, description="Time that persistence looks back; 0: no filter"
    )
    share: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of it in which a polyp must have been found to be told",
    )
    gap_ms: int = Field(
        default=1000, ge=0, le=1000, description="Longest gap over which a polyp stays the same"
    )
    max_findings: int = Field(
        default=100, ge=1, le=1000, description="Findings of one session that are kept"
    )
    outline: Literal["at_once", "confirmed"] = Field(
        default="at_once",
        description="Polyps burned into the video: all at once, or those found for long enough",
    )
