"""`SALI_MASKS__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class MaskSettings(SettingsGroup):
    """When a mask is too old, and how masks reach their readers."""

    max_age_ms: int = Field(
        default=250, ge=1, le=250, description="Age at which a mask is no longer sent"
    )
    late_after_ms: int = Field(
        default=300, ge=1, description="Time without an answer after which the AI is `late`"
    )
    paused_after_ms: int = Field(
        default=500, ge=1, description="Time without a frame after which the AI is `paused`"
    )
    state_interval_ms: int = Field(
        default=100, ge=10, le=200, description="Longest silence between two state messages"
    )
    max_unacknowledged: int = Field(
        default=2, ge=1, le=2, description="Mask messages on their way to one reader"
    )
