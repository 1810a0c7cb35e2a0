"""`SALI_LOG__*`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.settings.group import SettingsGroup


class LogSettings(SettingsGroup):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is written"
    )
    format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line"
    )
