"""The table of sessions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from server.errors import SessionLimitError, SessionNotFoundError
from server.media.push_target import PushTarget
from server.media.region import AUTO, RegionChoice
from server.media.source import SourceSpec
from server.observability.metrics import ServiceMetrics
from server.session.admission import Admission
from server.session.identity import SessionIdentity
from server.session.session import Session

_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 8

SessionFactory = Callable[[SessionIdentity], Session]
SourceCheck = Callable[[SourceSpec], None]


class SessionRegistry:
    """Sole owner of the table of sessions. Used from one event loop.

    A session counts against the limit from the moment it is asked for.
    """

    def __init__(
        self,
        create_session: SessionFactory,
        *,
        check_source: SourceCheck,
        admission: Callable[[], Admission],
        metrics: ServiceMetrics,
    ) -> None:
        """Start empty.

        Args:
            create_session: Makes a session that is not started.
            check_source: Raises a `SourceError` for a source without video; blocks some seconds.
            admission: How many are served at the moment.
            metrics: Where refusals are counted.
        """
        self._create_session = create_session
        self._check_source = check_source
        self._admission = admission
        self._metrics = metrics
        self._sessions: dict[str, Session] = {}
        self._opening = 0

    @property
    def sessions(self) -> list[Session]:
        """All sessions, the oldest first."""
        return list(self._sessions.values())

    async def create(
        self,
        name: str,
        spec: SourceSpec,
        *,
        pushes: tuple[PushTarget, ...] = (),
        region: RegionChoice = AUTO,
        is_configured: bool = False,
    ) -> Session:
        """Check a source and start a session on it.

        Args:
            name: For people; empty takes the source's label.
            spec: Where the video comes from.
            pushes: Where it is sent, besides to viewers.
            region: Which part of the picture the AI gets.
            is_configured: Whether the operator's settings name it: it was found to have video
                already, and it is opened whatever the machine can serve, unless the operator set
                a limit as well.

        Raises:
            SessionLimitError: No room.
            SourceError: The source has no video, or cannot be reached.
        """
        self._require_room(is_configured)
        self._opening += 1
        try:
            if not is_configured:
                await asyncio.to_thread(self._check_source, spec)
            identity = SessionIdentity(
                id="".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH)),
                name=name or spec.label,
                spec=spec,
                created_at=datetime.now(UTC),
                pushes=pushes,
                region=region,
            )
            session = self._create_session(identity)
            self._sessions[identity.id] = session
        finally:
            self._opening -= 1
        await session.start()
        return session

    def _require_room(self, is_configured: bool) -> None:
        """Refuse one session more than are served well."""
        admission, number = self._admission(), len(self._sessions) + self._opening
        if number < admission.limit or (is_configured and not admission.is_set):
            return
        self._metrics.sessions_refused.inc()
        running = "1 session is" if number == 1 else f"{number} sessions are"
        raise SessionLimitError(f"{running} running: {admission.reason}")

    def get(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            SessionNotFoundError: No session has this id.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFoundError("no session has this id; GET /v1/sessions lists them")
        return session

    async def change(self, session_id: str, *, name: str = "", spec: SourceSpec | None) -> Session:
        """Give a session another name or another source, which is checked first.

        Raises:
            SessionNotFoundError: No session has this id.
            SourceError: The new source has no video, or cannot be reached; the session keeps its
                own.
        """
        session = self.get(session_id)
        if spec is not None and not _is_same_device(spec, session.identity.spec):
            await asyncio.to_thread(self._check_source, spec)
        await session.change(name, spec)
        return session

    async def close(self, session_id: str) -> None:
        """End a session.

        Raises:
            SessionNotFoundError: No session has this id.
        """
        session = self.get(session_id)
        del self._sessions[session_id]
        await session.aclose()

    async def aclose(self) -> None:
        """End all sessions."""
        sessions = self.sessions
        self._sessions.clear()
        await asyncio.gather(*(session.aclose() for session in sessions))


def _is_same_device(new: SourceSpec, old: SourceSpec) -> bool:
    """Whether a device is only to deliver in another way: it cannot be tried while it is in use."""
    return new.kind == old.kind == "capture" and new.label == old.label
