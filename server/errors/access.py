"""The caller may not do what it asks."""

from __future__ import annotations

from server.errors.service import ServiceError


class AccessError(ServiceError):
    """The caller may not do this."""

    code = "access_denied"
    title = "Access denied"
    http_status = 403
    ws_close_code = 4403


class UnauthorizedError(AccessError):
    """The token is missing or wrong."""

    code = "unauthorized"
    title = "A token is needed"
    http_status = 401
    ws_close_code = 4401


class ForbiddenOriginError(AccessError):
    """A page of another site, or a name that is not ours, made the request."""

    code = "forbidden_origin"
    title = "Request from another site"
