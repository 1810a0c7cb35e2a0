"""`SALI_AUTH__*`."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from server.settings.group import SettingsGroup

MIN_TOKEN_LENGTH = 8


class AuthSettings(SettingsGroup):
    """Who may use the service."""

    token: SecretStr | None = Field(
        default=None,
        description=f"Bearer token asked of every /v1 request; {MIN_TOKEN_LENGTH} characters or "
        "more",
    )

    @field_validator("token")
    @classmethod
    def _refuse_weak_token(cls, token: SecretStr | None) -> SecretStr | None:
        """An empty token would read as `no token` in some places and match in others."""
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN_LENGTH:
            msg = f"a token needs {MIN_TOKEN_LENGTH} characters or more"
            raise ValueError(msg)
        return token
