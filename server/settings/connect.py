"""`SALI_CONNECT__*`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.settings.group import SettingsGroup


class ConnectSettings(SettingsGroup):
    """How cameras and capture devices are connected, and connected again."""

    open_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="Longest wait for the first picture of a connection"
    )
    stalled_after_s: float = Field(
        default=1.0, gt=0, le=2, description="Silence after which a source is told to be `stalled`"
    )
    silent_after_s: float = Field(
        default=2.0, gt=0, le=60, description="Silence after which a source is connected again"
    )
    first_delay_s: float = Field(
        default=0.5, gt=0, description="Pause before the first attempt to connect again"
    )
    longest_delay_s: float = Field(
        default=5.0, gt=0, description="Longest such pause; it doubles up to this"
    )
    refused_delay_s: float = Field(
        default=30.0, gt=0, description="Pause after a wrong login or a codec we cannot decode"
    )
    max_attempts: int = Field(
        default=0, ge=0, description="Failed attempts in a row that end a source; 0: never"
    )
    rtsp_transport: Literal["auto", "tcp", "udp"] = Field(
        default="auto",
        description="How RTSP packets come; `auto`: TCP, UDP where a camera refuses that",
    )
