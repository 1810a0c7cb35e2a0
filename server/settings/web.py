"""`SALI_WEB__*`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from server.settings.group import SettingsGroup


class WebSettings(SettingsGroup):
    """The viewer's files."""

    directory: Path = Field(
        default=Path(__file__).resolve().parents[2] / "client_web" / "dist",
        description="Folder of the built web client",
    )
