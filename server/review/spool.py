"""Bytes on disk for as long as somebody holds them: a bounded temporary file without a name."""

from __future__ import annotations

import os
import tempfile
import threading

from server.errors import ReviewError


class Spool:
    """Appends pieces and reads them back, from any thread.

    The file has no name: it is gone when the spool is closed, and when the process dies.

    Args:
        limit_bytes: Most that may be appended.

    Raises (from the constructor):
        ReviewError: No temporary file can be made.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(prefix="sali-review-")  # noqa: SIM115 - `close`
        except OSError as exc:
            raise _no_space(exc) from exc
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes appended so far."""
        return self._size

    def append(self, piece: bytes) -> int:
        """Append a piece; return where it begins.

        Raises:
            ReviewError: It does not fit, or the disk is full.
        """
        with self._lock:
            if self._size + len(piece) > self._limit:
                raise ReviewError(
                    f"the video needs more than {self._limit >> 20} MB of temporary space; "
                    "SALI_REVIEW__MAX_MEGABYTES sets another limit"
                )
            begin = self._size
            view, done = memoryview(piece), 0
            try:
                while done < len(piece):
                    done += os.pwrite(self._file.fileno(), view[done:], begin + done)
            except OSError as exc:
                raise _no_space(exc) from exc
            self._size += len(piece)
            return begin

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes from `begin` to `end`, which were appended before."""
        with self._lock:
            return os.pread(self._file.fileno(), end - begin, begin)

    def close(self) -> None:
        """Delete the file; nothing can be read afterwards."""
        with self._lock:
            self._file.close()


def _no_space(error: OSError) -> ReviewError:
    cause = (error.strerror or type(error).__name__).lower()
    return ReviewError(f"no temporary space for the video ({cause}); TMPDIR names another folder")
