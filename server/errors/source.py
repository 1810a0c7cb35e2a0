"""Failures of a video source."""

from __future__ import annotations

from server.errors.service import ServiceError


class SourceError(ServiceError):
    """A video source cannot deliver video."""

    code = "source_failed"
    title = "The source delivers no video"
    http_status = 422


class SourceUnreachableError(SourceError):
    """Nothing answers, or no file lies, where the source should be."""

    code = "source_unreachable"
    title = "The source cannot be reached"
    retryable = True


class SourceStalledError(SourceError):
    """The source answered and then went silent."""

    code = "source_stalled"
    title = "The source went silent"
    retryable = True


class SourceNotReadyError(SourceError):
    """The source has not delivered its first frame yet."""

    code = "source_not_ready"
    title = "The source has no video yet"
    http_status = 409
    retryable = True
    retry_after_s = 1


class SourceRefusedError(SourceError):
    """The source answered that it will not serve us, or the request names no usable source."""

    code = "source_refused"
    title = "The source was refused"
    ws_close_code = 4422


class SourceLoginError(SourceRefusedError):
    """The source wants a user name and a password, or other ones than it was given."""

    code = "source_login"
    title = "The source refused the login"


class UnsupportedCodecError(SourceError):
    """The source, or a peer's offer, has no video coded in a way we can use."""

    code = "unsupported_codec"
    title = "No codec in common"
    http_status = 406


class PublisherBusyError(SourceError):
    """Somebody publishes to this session already."""

    code = "whip_busy"
    title = "The session has a publisher already"
    http_status = 409
    ws_close_code = 4409
    retryable = True
