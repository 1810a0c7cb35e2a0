"""`SALI_BURN_IN__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class BurnInSettings(SettingsGroup):
    """The stream with the masks drawn into its pictures."""

    mask_wait_ms: int = Field(
        default=150,
        ge=0,
        le=250,
        description="Longest time a picture waits for its mask; then it goes without",
    )
