"""`SALI_TRACES__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class TraceSettings(SettingsGroup):
    """Traces of single frames' ways, sent to an OpenTelemetry collector."""

    endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        description="Collector that takes OTLP over HTTP (`http://127.0.0.1:4318/v1/traces`); "
        "empty: no traces",
    )
    every_frames: int = Field(
        default=250, ge=1, description="One in so many frames of a session is traced"
    )
