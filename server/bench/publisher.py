"""The parent's hold on a publisher process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal

from server.errors import BenchError

PublisherKind = Literal["rtsp", "whip"]


class Publisher:
    """A publisher process (`rtsp_publisher`, `whip_publisher`); one request at a time.

    Args:
        kind: How it publishes.
        file: The coded video.
        streams: Streams of an RTSP publisher.
    """

    def __init__(self, kind: PublisherKind, file: Path, streams: int = 1) -> None:
        arguments = [sys.executable, "-m", f"server.bench.{kind}_publisher", "--file", str(file)]
        if kind == "rtsp":
            arguments += ["--streams", str(streams)]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.urls: list[str] = self._read()["urls"]

    def ask(self, what: str, given: Any = None) -> Any:
        """Ask the process and wait for its answer.

        Raises:
            BenchError: It has ended; its own words are on standard error.
        """
        with self._lock:
            if self._process.stdin is None:
                raise BenchError("the publisher has no standard input")
            try:
                self._process.stdin.write(json.dumps({"ask": what, "with": given}) + "\n")
                self._process.stdin.flush()
            except OSError as exc:
                raise BenchError("the publisher ended too soon") from exc
            return self._read()

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise BenchError("the publisher ended too soon")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
