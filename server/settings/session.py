"""`SALI_SESSION__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class SessionSettings(SettingsGroup):
    """How many rooms and viewers are served."""

    max_sessions: int = Field(
        default=0, ge=0, description="Sessions at the same time; 0: as many as are served well"
    )
    max_viewers: int = Field(default=16, ge=1, description="Viewers of one session")
