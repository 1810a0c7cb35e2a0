"""Every failure the service can name.

    ServiceError
      ConfigurationError
      SettingsRefusedError
      BenchError
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
      ReviewError                     a video cannot be reviewed
        ReviewNotFoundError
        ReviewPartNotFoundError
        ReviewLimitError         *
      WorkerError                     the network cannot be run
        WorkerLostError          *
        WorkerStepError
        WorkerStartError
        MemoryNotReadError       *
        MemoryNotToldError
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

from server.errors.access import AccessError, ForbiddenOriginError, UnauthorizedError
from server.errors.bench import BenchError
from server.errors.output import PushRefusedError
from server.errors.protocol import (
    EntityTagMismatchError,
    EntityTagMissingError,
    IceRestartError,
    InvalidOfferError,
    InvalidPictureError,
    MaskDecodeError,
    ProtocolError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
    UnsupportedMessageError,
)
from server.errors.review import (
    ReviewError,
    ReviewLimitError,
    ReviewNotFoundError,
    ReviewPartNotFoundError,
)
from server.errors.service import ConfigurationError, ServiceError, SettingsRefusedError
from server.errors.session import (
    FindingNotFoundError,
    RegionError,
    ResourceNotFoundError,
    SessionError,
    SessionLimitError,
    SessionNotFoundError,
    StillNotReadyError,
    TransitionError,
    ViewerLimitError,
)
from server.errors.source import (
    PublisherBusyError,
    SourceError,
    SourceLoginError,
    SourceNotReadyError,
    SourceRefusedError,
    SourceStalledError,
    SourceUnreachableError,
    UnsupportedCodecError,
)
from server.errors.worker import (
    MemoryNotReadError,
    MemoryNotToldError,
    WorkerError,
    WorkerLostError,
    WorkerStartError,
    WorkerStepError,
)

__all__ = [
    "AccessError",
    "BenchError",
    "ConfigurationError",
    "EntityTagMismatchError",
    "EntityTagMissingError",
    "FindingNotFoundError",
    "ForbiddenOriginError",
    "IceRestartError",
    "InvalidOfferError",
    "InvalidPictureError",
    "MaskDecodeError",
    "MemoryNotReadError",
    "MemoryNotToldError",
    "ProtocolError",
    "PublisherBusyError",
    "PushRefusedError",
    "RegionError",
    "RequestTooLargeError",
    "ResourceNotFoundError",
    "ReviewError",
    "ReviewLimitError",
    "ReviewNotFoundError",
    "ReviewPartNotFoundError",
    "ServiceError",
    "SessionError",
    "SessionLimitError",
    "SessionNotFoundError",
    "SettingsRefusedError",
    "SourceError",
    "SourceLoginError",
    "SourceNotReadyError",
    "SourceRefusedError",
    "SourceStalledError",
    "SourceUnreachableError",
    "StillNotReadyError",
    "TransitionError",
    "UnauthorizedError",
    "UnsupportedCodecError",
    "UnsupportedMediaTypeError",
    "UnsupportedMessageError",
    "ViewerLimitError",
    "WorkerError",
    "WorkerLostError",
    "WorkerStartError",
    "WorkerStepError",
]
