"""The bearer token of a request, and whether it is the right one."""

from __future__ import annotations

import base64
import hmac

from pydantic import SecretStr

TOKEN_SUBPROTOCOL_PREFIX = "sali.token."  # noqa: S105 - the name of a field, not a secret


def is_token_right(given: str | None, expected: SecretStr) -> bool:
    """Compare in constant time."""
    if given is None:
        return False
    return hmac.compare_digest(given.encode(), expected.get_secret_value().encode())


def token_from_authorization(header: str | None) -> str | None:
    """Return the token of `Authorization: Bearer TOKEN`; None for anything else."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def token_from_subprotocols(offered: list[str]) -> str | None:
    """Return the token of the subprotocol `sali.token.BASE64URL`; None if there is none."""
    for name in offered:
        if name.startswith(TOKEN_SUBPROTOCOL_PREFIX):
            coded = name.removeprefix(TOKEN_SUBPROTOCOL_PREFIX)
            try:
                padded = coded + "=" * (-len(coded) % 4)
                return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            except ValueError:
                return None
    return None
