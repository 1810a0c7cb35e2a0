"""Is the process alive, is it ready, what did it count."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from server.errors import WorkerError
from server.http.services import ServicesOf
from server.session.admission import admission_of
from server.worker.state import WorkerState

router = APIRouter(tags=["health"])


class WorkerNotReadyError(WorkerError):
    """No worker is warm."""

    code = "worker_not_ready"
    title = "The AI is not ready"
    retryable = True
    retry_after_s = 2


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "alive"}


class CapacityView(BaseModel):
    """How many sessions are served well, and how that came about (docs/worker.md)."""

    sessions: int
    limit: int
    batch: int
    fps_alone: float
    is_memory_full: bool
    explanation: str
    step_ms: dict[int, float]


class ReadyView(BaseModel):
    """The service is ready; `note` is what people should know of the machine."""

    status: Literal["ready"] = "ready"
    note: str
    capacity: CapacityView


@router.get("/readyz")
async def readyz(services: ServicesOf) -> ReadyView:
    """Answer 200 once a worker is warm, with what it can do.

    Raises:
        WorkerNotReadyError: 503, with the reason.
    """
    status, capacity = services.worker.status, services.worker.capacity
    if status.state is not WorkerState.READY or capacity is None:
        raise WorkerNotReadyError(status.reason or f"the AI worker is {status.state.value}")
    admission = admission_of(services.settings.session.max_sessions, capacity)
    return ReadyView(
        note=status.reason,
        capacity=CapacityView(
            sessions=capacity.sessions,
            limit=admission.limit,
            batch=capacity.batch,
            fps_alone=capacity.fps_alone,
            is_memory_full=capacity.is_memory_full,
            explanation=capacity.explanation,
            step_ms={time.batch: time.step_ms for time in capacity.steps},
        ),
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: ServicesOf) -> Response:
    """Return everything counted, in Prometheus's text format."""
    return Response(services.metrics.to_text(), media_type=CONTENT_TYPE_LATEST)
