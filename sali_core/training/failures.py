"""What can go wrong in a long run, said in one line that names the cure.

SaliError
└── TrainingError   a run that cannot go on: out of memory, disk full, loss not finite
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from sali_core.errors import SaliError

_NO_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED", "std::bad_alloc")
_DEAD_WORKER = ("DataLoader worker", "unable to open shared memory", "unable to allocate shared")


class TrainingError(SaliError):
    """A training run cannot go on; what `last.pt` holds is kept."""


@contextmanager
def name_failures(folder: Path, step: Callable[[], int], settings: str) -> Iterator[None]:
    """Turn torch's and the system's errors of a run into one line for people.

    Args:
        folder: Of the run.
        step: Tells how many steps are done.
        settings: The settings that decide how much memory is used, with their values.

    Raises:
        TrainingError: Out of memory, or the disk is full.
        SaliError: As raised in a process that prepares clips.
    """
    try:
        yield
    except SaliError as exc:
        raise _without_traceback(exc) from exc
    except (MemoryError, OSError, RuntimeError) as exc:
        if is_disk_full(exc):
            raise disk_full(folder) from exc
        text = str(exc)
        after = f"after step {step()}; {what_is_kept(folder)}"
        if any(mark in text for mark in _DEAD_WORKER):
            raise TrainingError(
                f"a process that prepares clips died, most likely for want of memory: "
                f"lower --workers; {after}"
            ) from exc
        out_of_memory = isinstance(exc, torch.OutOfMemoryError | MemoryError)
        if out_of_memory or any(mark in text for mark in _NO_MEMORY):
            raise TrainingError(f"out of memory: lower one of {settings}; {after}") from exc
        raise


def what_is_kept(folder: Path) -> str:
    """Tell what a run that stops has saved."""
    path = folder / "last.pt"
    return f"the same command goes on from {path}" if path.exists() else "nothing was saved yet"


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error, or one behind it, is a full disk (torch hides it behind its own)."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen = seen.__cause__ or seen.__context__
    return "No space left on device" in str(error)


def disk_full(folder: Path) -> TrainingError:
    """Return the error for a run's folder without room."""
    return TrainingError(
        f"{folder}: the disk is full; nothing that was saved before is lost: make room and give "
        "the same command again"
    )


def _without_traceback(error: SaliError) -> SaliError:
    """Undo what the data loader makes of an error in another process: a text with a traceback."""
    text = str(error)
    if not text.startswith("Caught "):
        return error
    return type(error)(text.strip().splitlines()[-1].partition(": ")[2])
