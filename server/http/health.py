"""Is the process alive, is it ready, what did it count."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from server.errors import WorkerError
from server.http.services import ServicesOf
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


@router.get("/readyz")
async def readyz(services: ServicesOf) -> dict[str, str]:
    """Answer 200 once a worker is warm.

    Raises:
        WorkerNotReadyError: 503, with the reason.
    """
    status = services.worker.status
    if status.state is not WorkerState.READY:
        raise WorkerNotReadyError(status.reason or f"the AI worker is {status.state.value}")
    return {"status": "ready"}


@router.get("/metrics")
async def metrics(services: ServicesOf) -> Response:
    """Return everything counted, in Prometheus's text format."""
    return Response(services.metrics.to_text(), media_type=CONTENT_TYPE_LATEST)
