"""Structured logs on standard error.

A message is a fixed name, everything else a field: `worker_lost reason=... restart_delay_ms=250`.
One `info` for each change in the life of something, nothing at frame rate above `debug`, and never
a token, a session's name or a source's path: a name or a path can hold a patient's name.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from server.settings import LogSettings

_QUIET_LIBRARIES = ("aiortc", "aioice", "libav", "asyncio", "uvicorn.access")


def configure_logging(settings: LogSettings) -> None:
    """Send our logs and those of the libraries to standard error, in one form."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor
    if settings.format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer]
        if settings.format == "json"
        else [*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
