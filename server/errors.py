"""Every failure the service can name.

    ServiceError
      ConfigurationError
      SourceError                     the video cannot be had
        SourceUnreachableError   *
        SourceStalledError       *
        SourceNotReadyError      *
        SourceRefusedError
          SourceLoginError
        UnsupportedCodecError
        PublisherBusyError       *
      PushRefusedError
      SessionError
        SessionNotFoundError
        SessionLimitError        *
        ViewerLimitError         *
        ResourceNotFoundError
        FindingNotFoundError
        StillNotReadyError       *
        RegionError
        TransitionError
      WorkerError                     the network cannot be run
        WorkerLostError          *
        WorkerStepError
        WorkerStartError
      ProtocolError                   a peer said something we do not understand
        InvalidOfferError
        InvalidPictureError
        EntityTagMissingError
        EntityTagMismatchError
        IceRestartError
        UnsupportedMediaTypeError
        RequestTooLargeError
        UnsupportedMessageError
        MaskDecodeError
      AccessError
        UnauthorizedError
        ForbiddenOriginError

(* trying again later can help)

`str(error)` is one line that names the cause and, where there is one, the cure. It never holds
credentials or patient data, because it is shown to clients and written to logs.
"""

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


class PushRefusedError(ServiceError):
    """The request names nothing that a stream could be pushed to."""

    code = "push_refused"
    title = "The stream cannot be pushed there"
    http_status = 422


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


class WorkerError(ServiceError):
    """The worker process cannot do its work."""

    code = "worker_failed"
    title = "The AI worker failed"
    http_status = 503


class WorkerLostError(WorkerError):
    """The worker process died or hung; it is being restarted."""

    code = "worker_lost"
    title = "The AI worker was lost"
    retryable = True
    retry_after_s = 2


class WorkerStepError(WorkerError):
    """The network failed on a frame."""

    code = "worker_step_failed"
    title = "The AI worker failed on a frame"


class WorkerStartError(WorkerError):
    """The worker cannot start with this configuration (a broken checkpoint, no such device)."""

    code = "worker_start_failed"
    title = "The AI worker cannot start"


class ProtocolError(ServiceError):
    """A peer sent something outside the protocol."""

    code = "protocol_error"
    title = "The request is outside the protocol"
    http_status = 400
    ws_close_code = 1002


class InvalidOfferError(ProtocolError):
    """An SDP offer cannot be parsed or asks for something impossible."""

    code = "invalid_offer"
    title = "The SDP offer cannot be used"


class InvalidPictureError(ProtocolError):
    """A pushed picture cannot be used."""

    code = "invalid_picture"
    title = "The picture cannot be used"


class EntityTagMissingError(ProtocolError):
    """A PATCH does not say which ICE session it is for."""

    code = "entity_tag_missing"
    title = "An entity tag is needed"
    http_status = 428


class EntityTagMismatchError(ProtocolError):
    """A PATCH is for another ICE session."""

    code = "entity_tag_mismatch"
    title = "The entity tag does not match"
    http_status = 412


class IceRestartError(ProtocolError):
    """A peer asks for an ICE restart, which we do not do."""

    code = "ice_restart_unsupported"
    title = "No ICE restarts"
    http_status = 422


class UnsupportedMediaTypeError(ProtocolError):
    """The request's body has the wrong content type."""

    code = "unsupported_media_type"
    title = "Wrong content type"
    http_status = 415


class RequestTooLargeError(ProtocolError):
    """The request's body is longer than any we expect."""

    code = "request_too_large"
    title = "The request is too large"
    http_status = 413


class UnsupportedMessageError(ProtocolError):
    """A message cannot be understood."""

    code = "unsupported_message"
    title = "The message cannot be understood"


class MaskDecodeError(ProtocolError):
    """A run-length string is not a mask of the size it claims."""

    code = "mask_undecodable"
    title = "The mask cannot be decoded"


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
