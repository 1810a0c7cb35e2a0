"""`SALI_LISTEN__*`."""

from __future__ import annotations

import ipaddress

from pydantic import Field

from server.settings.group import SettingsGroup


class ListenSettings(SettingsGroup):
    """Where the service listens."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; any but a loopback one needs a token",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port; 0 takes a free one")

    names: tuple[str, ...] = Field(
        default=(),
        description="Names, a JSON list, under which a reverse proxy on this machine is reached; "
        "they need a token",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
