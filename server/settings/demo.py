"""`SALI_DEMO__*`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from server.settings.group import SettingsGroup


class DemoSettings(SettingsGroup):
    """The built-in demo scene."""

    width: int = Field(default=640, ge=64, le=1920, description="Picture width, pixels")
    height: int = Field(default=480, ge=64, le=1080, description="Picture height, pixels")
    fps: float = Field(default=25.0, gt=0, le=60, description="Frames a second")
    seconds: float = Field(default=60.0, gt=0, le=600, description="Length of the loop")
    seed: int = Field(default=7, ge=0, description="Which scene is rendered")
    has_frame_code: bool = Field(
        default=False, description="Draw each frame's number into the picture, for tests"
    )
    cache_dir: Path | None = Field(
        default=None, description="Folder of rendered scenes; by default the user's cache folder"
    )
