"""A benchmark that cannot be run."""

from __future__ import annotations

from server.errors.service import ServiceError


class BenchError(ServiceError):
    """A benchmark cannot be run, or went wrong."""

    code = "bench_failed"
    title = "The benchmark could not be run"
