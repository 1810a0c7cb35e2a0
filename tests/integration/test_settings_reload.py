"""Settings changed in the file of a service that runs, as an operator does it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.test_service import environment, serving

OLD, NEW = "the-old-token", "the-new-token"


def reload(file: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `sali config reload`."""
    return subprocess.run(
        [sys.executable, "-m", "server.cli", "config", "reload", "--config", str(file)],
        env=environment() | more, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_signal_and_the_command_line_let_the_service_read_its_file_again(tmp_path: Path) -> None:
    file = tmp_path / "sali.yaml"
    file.write_text(f"auth: {{token: {OLD}}}\nsources: []\n")
    with serving("--config", str(file)) as served:

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return served.request("GET", "/v1/sessions", headers=headers).status_code

        assert (status(OLD), status(NEW)) == (200, 401)
        file.write_text(f"auth: {{token: {NEW}}}\nsources: []\n")
        served.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while status(NEW) != 200:
            assert time.monotonic() < deadline, "the signal changed nothing"
            time.sleep(0.05)
        assert status(OLD) == 401

        port = int(served.address.rpartition(":")[2])
        file.write_text(
            f"auth: {{token: {NEW}}}\nsources: []\nlog: {{level: error}}\nworker: {{threads: 3}}\n"
            f"listen: {{port: {port}}}\n"
        )
        done = reload(file)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "Changed: log.level.",
            "Restart the service for: worker.threads.",
        ]

        file.write_text("log: {level: loud}\n")
        refused = reload(file)
        assert refused.returncode != 0
        assert "the settings stay as they were" in refused.stderr
        assert "log.level" in refused.stderr

        file.write_text(f"auth: {{token: {OLD}}}\nsources: []\nlisten: {{port: {port}}}\n")
        refused = reload(file)
        assert refused.returncode != 0
        assert "send it SIGHUP" in refused.stderr
        assert status(NEW) == 200
