"""The root of every failure the service can name."""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """A failure with a stable code, as HTTP, a WebSocket and the command line tell it.

    Attributes:
        code: Stable machine-readable name, `snake_case`; part of the wire protocol.
        title: The same for people, without details.
        http_status: Status of the problem document.
        ws_close_code: Close code of a WebSocket that ends because of it.
        retryable: Whether the same request can succeed later, unchanged.
        retry_after_s: Value of the Retry-After header; None sends no header.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "The service failed"
    http_status: ClassVar[int] = 500
    ws_close_code: ClassVar[int] = 1011
    retryable: ClassVar[bool] = False
    retry_after_s: ClassVar[int | None] = None


class ConfigurationError(ServiceError):
    """The operator's settings cannot be used."""

    code = "configuration_invalid"
    title = "The configuration cannot be used"


class SettingsRefusedError(ServiceError):
    """Settings were read again and cannot be used; those before them hold."""

    code = "settings_refused"
    title = "The settings cannot be used"
    http_status = 422
