"""What the routes work with, made once by `server.app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from server.http.settings_reload import SettingsReload
from server.observability.metrics import ServiceMetrics
from server.observability.traces import FrameTraces
from server.review.registry import ReviewRegistry
from server.session.registry import SessionRegistry
from server.session.session import Session
from server.settings import LiveSettings, Settings
from server.worker.client import WorkerClient


@dataclass(frozen=True)
class Services:
    """The parts of one running service."""

    live: LiveSettings
    reload: SettingsReload
    registry: SessionRegistry
    reviews: ReviewRegistry
    worker: WorkerClient
    metrics: ServiceMetrics
    traces: FrameTraces | None = None

    @property
    def settings(self) -> Settings:
        """The settings that hold now."""
        return self.live.current


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the application that serves this connection."""
    return cast("Services", connection.app.state.services)


def session_of(session_id: str, connection: HTTPConnection) -> Session:
    """Return the session named in the path.

    Raises:
        SessionNotFoundError: There is none.
    """
    return services_of(connection).registry.get(session_id)


ServicesOf = Annotated[Services, Depends(services_of)]
SessionOf = Annotated[Session, Depends(session_of)]
