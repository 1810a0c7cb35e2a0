"""One worker process, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from server.worker.channel import MessageChannel

_POLITE_EXIT_S = 1.0
_SECRETS = ("SALI_AUTH__TOKEN",)
_NO_EXIT_CODE = "its connection ended"


class WorkerProcess:
    """A process of `server.worker.main` and the stream to it. Made by `spawn`."""

    def __init__(self, process: asyncio.subprocess.Process, channel: MessageChannel) -> None:
        """Take over a running process."""
        self._process = process
        self.channel = channel

    @classmethod
    async def spawn(cls) -> WorkerProcess:
        """Start a process, never by fork alone, that holds one end of a socket pair.

        It gets its own process group, so that Ctrl-C on a terminal is ours to handle, and an
        environment without secrets.

        Raises:
            OSError: The process cannot be started.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "server.worker.main",
                "--fd",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                process_group=0,
                env=_environment(),
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, MessageChannel(ours))

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def kill(self) -> None:
        """End the process at once; nothing happens if it is gone."""
        try:
            self._process.kill()
        except ProcessLookupError:
            return

    async def aclose(self) -> str:
        """Close the stream, which ends the process, by force if need be; return how it ended."""
        await self.channel.aclose()
        try:
            async with asyncio.timeout(_POLITE_EXIT_S):
                status = await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return _NO_EXIT_CODE
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exited with status {status}" if status else _NO_EXIT_CODE


def _environment() -> dict[str, str]:
    """The environment without secrets, and with threads that sleep while they wait.

    A thread of the network that waits for another one in a busy loop takes the core that the video
    needs.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    return {"OMP_WAIT_POLICY": "passive", **kept}
