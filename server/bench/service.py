"""The service under test: `sali serve` as its users run it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from server.bench import processes
from server.bench.http_client import request
from server.errors import BenchError

_START_TIMEOUT_S = 180.0
_LOG_LINES = 6


class Service:
    """A running service on loopback; ends with the block.

    Args:
        sources: As `sali serve --source` takes them.
        environment: Its settings. Those of our own environment are not passed on.
        folder: Where its log is written.
        loop: Whether files start again.
    """

    def __init__(
        self,
        sources: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        loop: bool = False,
    ) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"serve-{port}.log"
        arguments = [sys.executable, "-m", "server.cli", "serve", "--port", str(port)]
        for source in sources:
            arguments += ["--source", source]
        if loop:
            arguments.append("--loop")
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("SALI_")}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                arguments, stdout=log, stderr=log, env=inherited | dict(environment)
            )

    def __enter__(self) -> Service:
        try:
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop it."""
        for pid in self.worker_pids():
            # One that a benchmark has stopped would not hear that it shall end.
            os.kill(pid, signal.SIGCONT)
        processes.end_process(self._process)

    @property
    def cpu_s(self) -> float:
        """Processor time that the server process has used; the worker's is its own."""
        return processes.cpu_s(self._process.pid)

    def worker_pids(self) -> list[int]:
        """The worker's process id; none while it is being started again."""
        return processes.children_named(self._process.pid, "server.worker.main")

    def worker_cpu_s(self) -> dict[int, float]:
        """Processor time that each worker process now running has used, by its id."""
        return {pid: processes.cpu_s(pid) for pid in self.worker_pids()}

    def is_ready(self) -> bool:
        """Whether a worker is warm; cheap for the service, unlike its metrics."""
        return request(f"{self.url}/readyz").status == 200

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions, as the service describes them."""
        reply = request(f"{self.url}/v1/sessions")
        listed: list[dict[str, Any]] = json.loads(reply.body)["sessions"]
        return listed

    def metric(self, name: str) -> float:
        """A metric without labels.

        Raises:
            BenchError: There is none of this name.
        """
        for line in request(f"{self.url}/metrics").body.decode().splitlines():
            found, _, value = line.rpartition(" ")
            if found == name:
                return float(value)
        raise BenchError(f"the service has no metric {name}")

    def wait_for(self, field: str, value: str, timeout_s: float = 60.0) -> None:
        """Wait until a field of every session has a value.

        Raises:
            BenchError: It has not in time.
        """
        deadline = time.monotonic() + timeout_s
        found: list[str] = []
        while time.monotonic() < deadline:
            found = [str(session[field]) for session in self.sessions()]
            if found and all(one == value for one in found):
                return
            time.sleep(0.2)
        raise BenchError(f"{field} did not become {value} in {timeout_s:g} s: {', '.join(found)}")

    def wait_until_ready(self) -> None:
        """Wait until a worker is warm.

        Raises:
            BenchError: None is in time, or the service has ended.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BenchError(f"the service ended: {self._last_words()}")
            try:
                if self.is_ready():
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.2)
        raise BenchError(f"the service is not ready: {self._last_words()}")

    def _last_words(self) -> str:
        return " | ".join(self._log.read_text().splitlines()[-_LOG_LINES:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
