"""Failures of what the service sends out."""

from __future__ import annotations

from server.errors.service import ServiceError


class PushRefusedError(ServiceError):
    """The request names nothing that a stream could be pushed to."""

    code = "push_refused"
    title = "The stream cannot be pushed there"
    http_status = 422
