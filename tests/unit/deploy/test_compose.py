"""The compose files: what they promise, and, where Compose is installed, that it reads them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
DEPLOY = REPOSITORY / "deploy"
FILES = ("compose.yaml", "compose.cpu.yaml", "compose.capture.yaml")


class _Loader(yaml.SafeLoader):
    """Knows Compose's own tags."""


_Loader.add_constructor("!reset", lambda *_: None)


def services() -> dict[str, Any]:
    """Return the services as they are written."""
    loaded = yaml.load((DEPLOY / "compose.yaml").read_text(), _Loader)  # noqa: S506 - a safe loader
    found: dict[str, Any] = loaded["services"]
    return found


@pytest.mark.parametrize("name", sorted(services()))
def test_every_service_is_confined_bounded_and_restarted(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    limits = service["deploy"]["resources"]["limits"]
    assert {"memory", "pids"} <= set(limits)


def test_only_the_service_runs_unless_more_is_asked_for() -> None:
    without_profile = {name for name, service in services().items() if "profiles" not in service}
    assert without_profile == {"server"}


def test_images_have_a_version() -> None:
    for name, service in services().items():
        default = re.fullmatch(r"\$\{\w+:-(.+)\}", service["image"])
        assert default is not None
        assert ":" in default.group(1), name
        assert not default.group(1).endswith(":latest")


def variables() -> set[str]:
    """Return the names that the compose files read from the environment."""
    text = "".join((DEPLOY / name).read_text() for name in FILES)
    return set(re.findall(r"\$\{(\w+)", text))


def test_the_example_lists_every_variable_that_the_compose_files_read() -> None:
    example = (DEPLOY / ".env.example").read_text()
    listed = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert variables() <= listed


def test_the_example_ends_with_every_variable_of_the_service() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "config", "env"],
        env={k: v for k, v in os.environ.items() if not k.startswith("SALI_")},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    example = (DEPLOY / ".env.example").read_text()
    assert example.endswith(done.stdout), "make env-example writes it"


def compose(*files: Path, profiles: str = "*", **environment: str) -> dict[str, Any]:
    """Let Compose read and merge files; skips where there is none."""
    # `make docker-test` says which one; it may be no plugin of Docker's.
    command = os.environ.get("COMPOSE", "docker compose").split()
    is_there = shutil.which(command[0]) is not None
    if not is_there or subprocess.run([*command, "version"], capture_output=True).returncode != 0:
        pytest.skip("Docker Compose v2 is not installed; make docker-test brings it")
    done = subprocess.run(
        [
            *command, *(part for file in files for part in ("-f", str(file))),
            "--profile", profiles, "config", "--format", "json",
        ],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    merged: dict[str, Any] = json.loads(done.stdout)
    return merged


def test_the_service_gets_a_gpu_and_on_a_machine_without_one_none() -> None:
    gpu = compose(DEPLOY / "compose.yaml")["services"]["server"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    cpu = compose(DEPLOY / "compose.yaml", DEPLOY / "compose.cpu.yaml")["services"]["server"]
    assert "reservations" not in cpu["deploy"]["resources"]
    assert cpu["build"]["args"]["ACCELERATOR"] == "cpu"
    assert cpu["read_only"] is True


def test_a_capture_card_is_handed_in() -> None:
    files = [DEPLOY / name for name in FILES]
    server = compose(*files, CAPTURE_DEVICE="/dev/video2", VIDEO_GROUP="39")["services"]["server"]
    assert server["devices"][0]["source"] == "/dev/video2"
    assert server["group_add"] == ["39"]


def test_compose_in_a_fresh_clone_is_the_demo_on_any_machine() -> None:
    merged = compose(REPOSITORY / "compose.yaml", profiles="")["services"]
    assert set(merged) == {"server"}
    assert "reservations" not in merged["server"]["deploy"]["resources"]
    assert merged["server"]["build"]["context"] == str(REPOSITORY)


def test_what_is_written_in_env_reaches_the_service_and_no_secret_of_others(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns(".env"))
    chosen = {
        "SALI_SOURCES": '["/dev/video0", "rtsp://a:b%40c@10.0.0.5/s"]',
        "SALI_ICE_SERVERS": '[{"url": "turn:t:3478", "username": "u", "credential": "x"}]',
    }
    lines = [f"{name}={value}" for name, value in chosen.items()]
    lines += ["GRAFANA_PASSWORD=hidden-word", "TURN_PASSWORD=hidden-word", "SERVER_IMAGE=other:1"]
    lines += ['SITE_CERTIFICATE="/certificates/a.crt /certificates/a.key"']
    (tmp_path / "deploy/.env").write_text("\n".join(lines))
    merged = compose(tmp_path / "deploy/compose.yaml")["services"]
    environment = merged["server"]["environment"]
    assert {name: environment[name] for name in chosen} == chosen
    assert "hidden-word" not in json.dumps(merged["server"])
    assert merged["server"]["image"] == "other:1"
    assert "--user=sali:hidden-word" in merged["turn"]["command"]
    certificate = merged["proxy"]["environment"]["SITE_CERTIFICATE"]
    assert certificate == "/certificates/a.crt /certificates/a.key"
