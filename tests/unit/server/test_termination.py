"""A command that is told to end cleans up first."""

from __future__ import annotations

import subprocess
import sys

WAITING = """
import signal
from server.termination import clean_up_when_terminated
clean_up_when_terminated()
try:
    print("waiting", flush=True)
    signal.pause()
finally:
    print("cleaned up", flush=True)
"""


def test_a_command_that_is_terminated_cleans_up() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.terminate()
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == 143
