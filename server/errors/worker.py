"""Failures of the process that runs the network."""

from __future__ import annotations

from server.errors.service import ServiceError


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


class MemoryNotReadError(WorkerError):
    """Nobody can say what the network reads right now: it reads nothing."""

    code = "memory_not_read"
    title = "The memory is not being read"
    http_status = 409
    retryable = True
    retry_after_s = 1


class MemoryNotToldError(WorkerError):
    """The model has no memory to look into, or does not tell what it reads."""

    code = "memory_not_told"
    title = "This model does not tell what it reads"
    http_status = 409
