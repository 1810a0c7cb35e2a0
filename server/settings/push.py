"""`SALI_PUSH__*`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.settings.group import SettingsGroup


class PushSettings(SettingsGroup):
    """Streams sent to monitors and recorders."""

    urls: tuple[str, ...] = Field(
        default=(),
        description="Where to push the video of the sources, in their order, a JSON list: "
        "`rtsp://`, `rtmp://` or `srt://` URLs",
    )
    overlay: Literal["burned", "clean"] = Field(
        default="burned", description="Whether masks are burned into what is pushed"
    )
