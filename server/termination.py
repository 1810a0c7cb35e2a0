"""Being told to end is a reason to clean up, not to vanish."""

from __future__ import annotations

import signal
from typing import NoReturn


def clean_up_when_terminated() -> None:
    """Leave through every `finally` on SIGTERM, with exit status 143, as on an interrupt.

    For commands that start other processes or write files; call it in the main thread.
    """
    signal.signal(signal.SIGTERM, _leave)


def _leave(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)
