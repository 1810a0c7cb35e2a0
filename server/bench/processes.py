"""What Linux tells of processes: children, processor time; and how one is ended."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from server.errors import BenchError

_PROC = Path("/proc")
_STOP_TIMEOUT_S = 20.0
_UTIME = 11
"""Index of the user time behind the process's name in /proc/PID/stat (proc(5): field 14)."""


def require_proc() -> None:
    """Refuse early where processes cannot be looked at.

    Raises:
        BenchError: There is no /proc.
    """
    if not (_PROC / "self" / "stat").is_file():
        raise BenchError("this benchmark needs Linux: it reads processor times from /proc")


def end_process(process: subprocess.Popen[Any]) -> None:
    """Ask a process of ours to end; after 20 s, make it."""
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    """Processor time that a process, all its threads together, has used; 0 if it is gone."""
    fields = _fields(pid)
    if fields is None:
        return 0.0
    return (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / os.sysconf("SC_CLK_TCK")


def children_named(parent: int, text: str) -> list[int]:
    """Running children of a process whose command line holds `text`."""
    found = []
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        pid = int(folder.name)
        fields = _fields(pid)
        if fields is None or int(fields[1]) != parent or fields[0] == "Z":
            continue
        try:
            if text in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode():
                found.append(pid)
        except OSError:
            continue
    return found


def _fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat behind the name in brackets, which may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
