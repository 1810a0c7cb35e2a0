"""Structured logs on standard error.

A message is a fixed name, everything else a field: `worker_lost reason=... restart_delay_ms=250`.
One `info` for each change in the life of something, nothing at frame rate above `debug`, and never
a token, a session's name or a source's path: a name or a path can hold a patient's name.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

from server.settings import LogSettings

_QUIET_LIBRARIES = ("aiortc", "aioice", "libav", "asyncio", "uvicorn.access")


class HeldOutput(io.TextIOBase):
    """Keeps what is written until it is let go, so that a failed start says one line only."""

    def __init__(self, target: TextIO) -> None:
        """Hold everything meant for `target`."""
        self._target = target
        self._held: list[str] | None = []

    def write(self, text: str) -> int:
        """Keep the text, or pass it on once let go."""
        if self._held is None:
            return self._target.write(text)
        self._held.append(text)
        return len(text)

    def flush(self) -> None:
        """Flush the target."""
        self._target.flush()

    def let_go(self) -> None:
        """Pass on what was kept, and everything from now on."""
        held, self._held = self._held or [], None
        self._target.write("".join(held))
        self._target.flush()


def configure_logging(settings: LogSettings, output: TextIO | HeldOutput | None = None) -> None:
    """Send our logs and those of the libraries to standard error, or `output`, in one form."""
    file = cast(TextIO, output or sys.stderr)
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
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows local variables, among them passwords and names.
            exception_formatter=structlog.dev.plain_traceback,
        )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer]
        if settings.format == "json"
        else [*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(file)
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
