"""`python -m server.readiness`: ask the service of this machine whether it is ready.

The health check of the container image. It reads the same settings as the service to know where
that listens; exit status 0 is ready, 1 is not, with one line why.
"""

from __future__ import annotations

import http.client
import json
import sys

from pydantic import SecretStr

from server.errors import ConfigurationError
from server.settings import ListenSettings, load_settings

_TIMEOUT_S = 4.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


def ask_readiness(listen: ListenSettings) -> str:
    """Ask `/readyz`; return an empty text when ready, else why not."""
    try:
        status, body = ask_own_service(listen, "GET", "/readyz")
    except ConfigurationError as exc:
        return str(exc)
    return "" if status == http.client.OK else reason_of(body) or f"HTTP {status}"


def ask_own_service(
    listen: ListenSettings, method: str, path: str, token: SecretStr | None = None
) -> tuple[int, bytes]:
    """Make one request to the service of this machine; return status and body.

    Raises:
        ConfigurationError: Nobody answers where these settings say.
    """
    host = _EVERY_ADDRESS.get(listen.host, listen.host)
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    connection = http.client.HTTPConnection(host, listen.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as exc:
        raise ConfigurationError(f"{host}:{listen.port} does not answer: {exc}") from exc
    finally:
        connection.close()


def reason_of(problem: bytes) -> str:
    """Return what a problem document says."""
    try:
        return str(json.loads(problem)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""


def main() -> int:
    """Print why the service is not ready, if it is not."""
    try:
        reason = ask_readiness(load_settings().listen)
    except ConfigurationError as exc:
        reason = str(exc)
    if reason:
        sys.stderr.write(f"not ready: {reason}\n")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
