"""`SALI_ICE_SERVERS`."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from server.settings.group import SettingsGroup


class IceServer(SettingsGroup):
    """A STUN or TURN server that publishers and viewers are told of."""

    url: str = Field(pattern=r"^(stun|stuns|turn|turns):[\w.:\[\]-]+(\?transport=(udp|tcp))?$")
    username: str = Field(default="", pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]*$")
    credential: SecretStr = SecretStr("")

    @field_validator("credential")
    @classmethod
    def _refuse_quotes(cls, credential: SecretStr) -> SecretStr:
        """It is sent as a quoted string of a header."""
        text = credential.get_secret_value()
        if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
            msg = "a credential has printable ASCII characters without quotes and backslashes"
            raise ValueError(msg)
        return credential
