"""The stack of deploy/, started once by Compose as its user would, on ports of its own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PROJECT = "sali-docker-test"
PORTS = {"server": 18000, "prometheus": 19090, "proxy": 18443, "turn": 13478}
TURN_PASSWORD = "not-a-secret"  # noqa: S105 - of a relay that lives for this test

_UP_TIMEOUT_S = 600
"""A machine that does much else starts slowly."""


@dataclass(frozen=True)
class Stack:
    """A running stack; `config` is the folder that the service sees as /etc/sali."""

    config: Path
    files: tuple[Path, ...]
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Address of the service."""
        return f"http://127.0.0.1:{PORTS['server']}"

    def compose(self, *arguments: str, timeout_s: float = 60) -> str:
        """Run a Compose command; its output, or a failure that shows it."""
        command = [*os.environ["COMPOSE"].split(), "-p", PROJECT]
        command += [part for file in self.files for part in ("-f", str(file))]
        return _run([*command, *arguments], self.environment, timeout_s)

    def up(self, **environment: str) -> None:
        """Start, or change, everything and wait until it is healthy."""
        self.environment.update(environment)
        self.compose("up", "-d", "--wait", "--no-build", timeout_s=_UP_TIMEOUT_S)

    def execute(self, *command: str) -> str:
        """Run a command in the service's container."""
        return self.compose("exec", "-T", "server", *command)

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        return json.loads(docker("inspect", self.compose("ps", "-q", service).strip()))[0]

    def get(self, path: str) -> str:
        """Fetch a page of the service."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310
            return answer.read().decode()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Ask Prometheus; the series found."""
        return prometheus(f"query?query={quote(expression)}")["result"]


def docker(*arguments: str) -> str:
    """Run a Docker command."""
    return _run([os.environ["DOCKER"], *arguments], {}, 120)


def prometheus(path: str) -> Any:
    """Ask Prometheus's API; the data of the answer."""
    url = f"http://127.0.0.1:{PORTS['prometheus']}/api/v1/{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    return body["data"]


def _run(command: list[str], environment: dict[str, str], timeout_s: float) -> str:
    """Run a command; what it wrote, or a failure with what it said."""
    done = subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _overlay(folder: Path) -> Path:
    """Write what differs from an ordinary start: ports, and scenes that are rendered soon."""
    scrape = (REPOSITORY / "deploy/prometheus/prometheus.yml").read_text()
    own = folder / "prometheus.yml"
    own.write_text(scrape.replace("127.0.0.1:8000", f"127.0.0.1:{PORTS['server']}"))
    own.chmod(0o644)
    server = {
        "SALI_LISTEN__PORT": str(PORTS["server"]),
        "SALI_DEMO__SECONDS": "4",
        "SALI_WORKER__START_TIMEOUT_S": str(_UP_TIMEOUT_S),
    }
    services = {
        "server": {
            "environment": server,
            "healthcheck": {"start_period": f"{_UP_TIMEOUT_S}s"},
        },
        "prometheus": {"volumes": [f"{own}:/etc/prometheus/prometheus.yml:ro"]},
        "proxy": {"environment": {"SERVER_PORT": str(PORTS["server"])}},
    }
    path = folder / "compose.test.yaml"
    path.write_text(yaml.safe_dump({"services": services}))
    return path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything but Grafana, which cannot be had everywhere; `down` leaves nothing behind."""
    if "COMPOSE" not in os.environ:
        pytest.skip("make docker-test runs these")
    folder = tmp_path_factory.mktemp("stack")
    folder.chmod(0o755)
    deploy = REPOSITORY / "deploy"
    config = folder / "config"
    config.mkdir(mode=0o755)
    stack = Stack(
        config,
        (deploy / "compose.yaml", deploy / "compose.cpu.yaml", _overlay(folder)),
        {
            "SERVER_IMAGE": "sali-live:test",
            "CONFIG_FOLDER": str(config),
            "PROMETHEUS_PORT": str(PORTS["prometheus"]),
            "SITE_NAME": f"localhost:{PORTS['proxy']}",
            "TURN_PORT": str(PORTS["turn"]),
            "TURN_PASSWORD": TURN_PASSWORD,
        },
    )
    stack.compose("down", "-v", "--remove-orphans")
    try:
        stack.compose(
            *("--profile", "tls", "--profile", "turn", "--profile", "observability"),
            *("up", "-d", "--wait", "--no-build", "server", "prometheus", "proxy", "turn"),
            timeout_s=_UP_TIMEOUT_S,
        )
        yield stack
    except AssertionError as exc:
        logs = stack.compose("logs", "--tail", "30")
        raise AssertionError(f"{exc}\n{logs}") from exc
    finally:
        stack.compose("--profile", "*", "down", "-v", "--remove-orphans", timeout_s=120)
    for kind in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q")):
        left = docker(*kind, "--filter", f"label=com.docker.compose.project={PROJECT}")
        assert left == "", f"`down` left {kind[0]}: {left}"
