"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "wrong"]
"""`note`: it works, but people should know. `wrong`: the service will not work as it should."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and, unless all is well, what to do about it."""

    subject: str
    status: Status
    detail: str
    cure: str = ""


def fine(subject: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, "ok", detail)


def note(subject: str, detail: str, cure: str = "") -> Finding:
    """It works, but."""
    return Finding(subject, "note", detail, cure)


def wrong(subject: str, detail: str, cure: str) -> Finding:
    """It does not work."""
    return Finding(subject, "wrong", detail, cure)
