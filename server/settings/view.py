"""`SALI_VIEW__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class ViewSettings(SettingsGroup):
    """What the pictures show, and whether masks belong on them."""

    is_checked: bool = Field(
        default=True,
        description="Whether masks are withheld outside the body, on test pictures and on blank or "
        "frozen ones; `frames` sessions are checked only if this is set",
    )
    frozen_after_ms: int = Field(
        default=2000,
        ge=0,
        le=60_000,
        description="Time of the same picture over and over after which it is `frozen`; 0: never, "
        "for still pictures",
    )
    remembers_poor: bool = Field(
        default=False,
        description="Whether blurred, dark and washed-out pictures enter the AI's memory too",
    )
    tells_instruments: bool = Field(
        default=True,
        description="Whether instruments are looked for and `instrument in view` is told",
    )
