"""`SALI_ENCODER__*`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.settings.group import SettingsGroup


class EncoderSettings(SettingsGroup):
    """How video is encoded for viewers, where it has to be."""

    kind: Literal["auto", "nvenc", "qsv", "vaapi", "amf", "x264"] = Field(
        default="auto",
        description="Encoder: `auto` takes hardware that works (`nvenc`, `qsv`, `vaapi`, `amf`), "
        "else `x264`",
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster"] = Field(
        default="ultrafast", description="x264's preset; slower ones look better at the same rate"
    )
    max_kbps: int = Field(
        default=8000, ge=200, le=100_000, description="Highest rate of an encoded stream, kbit/s"
    )
