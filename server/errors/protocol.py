"""A peer said something outside the protocol."""

from __future__ import annotations

from server.errors.service import ServiceError


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
