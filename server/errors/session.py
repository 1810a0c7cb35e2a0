"""Requests about sessions that cannot be met."""

from __future__ import annotations

from server.errors.service import ServiceError


class SessionError(ServiceError):
    """A request about sessions cannot be met."""

    code = "session_failed"
    title = "The session cannot do this"
    http_status = 409


class SessionNotFoundError(SessionError):
    """No session has this id."""

    code = "session_not_found"
    title = "No such session"
    http_status = 404
    ws_close_code = 4404


class SessionLimitError(SessionError):
    """The service runs as many sessions as it can serve well."""

    code = "session_limit"
    title = "No room for another session"
    http_status = 503
    retryable = True
    retry_after_s = 10


class ViewerLimitError(SessionError):
    """The session has as many viewers as it can serve smoothly."""

    code = "viewer_limit"
    title = "No room for another viewer"
    http_status = 503
    retryable = True
    retry_after_s = 10


class ResourceNotFoundError(SessionError):
    """No viewer or publisher has this id."""

    code = "resource_not_found"
    title = "No such resource"
    http_status = 404


class FindingNotFoundError(SessionError):
    """No finding has this id."""

    code = "finding_not_found"
    title = "No such finding"
    http_status = 404


class StillNotReadyError(SessionError):
    """The picture of a finding is not written yet."""

    code = "still_not_ready"
    title = "The picture is not written yet"
    http_status = 409
    retryable = True
    retry_after_s = 1


class RegionError(SessionError):
    """A region of the picture cannot be used."""

    code = "region_invalid"
    title = "The region cannot be used"
    http_status = 422


class TransitionError(SessionError):
    """A state machine was asked for a step it does not have: a fault of ours."""

    code = "bad_transition"
    title = "The session is not in a state for this"
