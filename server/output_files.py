"""Writing results: a file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import ServiceError


class OutputError(ServiceError):
    """The result cannot be written."""

    code = "output_error"
    title = "The output cannot be written"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to; it becomes `path` when all went well."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
