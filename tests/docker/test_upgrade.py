"""An update and the way back: the state stays, masks come again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY, Stack

_NEXT = "9.9.9"


@pytest.fixture(scope="session")
def next_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of a later version: built from this tree with another version number."""
    context = tmp_path_factory.mktemp("next")
    locks = ("requirements.lock", "requirements-traces.lock")
    for name in ("Dockerfile", ".dockerignore", "LICENSE", "README.md", *locks):
        shutil.copy2(REPOSITORY / name, context / name)
    for name in ("sali_core", "server", "client_web", "deploy"):
        left_out = shutil.ignore_patterns("node_modules", "dist", "__pycache__", ".env")
        shutil.copytree(REPOSITORY / name, context / name, ignore=left_out)
    project = (REPOSITORY / "pyproject.toml").read_text()
    assert project.count('version = "0.1.0"') == 1
    (context / "pyproject.toml").write_text(project.replace("0.1.0", _NEXT))
    subprocess.run(
        [
            os.environ["DOCKER"], "build", "--quiet", "--network", "host",
            *os.environ["BUILD_SECRETS"].split(),
            "--build-arg", "ACCELERATOR=cpu", "--build-arg", f"VERSION={_NEXT}",
            "--build-arg", f"TORCH_INDEX={os.environ.get('TORCH_INDEX', '')}",
            "-t", "sali-live:test-next", str(context),
        ],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    return "sali-live:test-next"


def _version(stack: Stack) -> str:
    """Return the version that the running service tells."""
    lines = stack.get("/metrics").splitlines()
    (line,) = (line for line in lines if line.startswith("sali_build_info{"))
    return line.split('"')[1]


def _is_masking(stack: Stack) -> bool:
    """Whether masks come."""
    done = subprocess.run(
        [sys.executable, str(Path("docs/examples/read_masks.py")), stack.url, "--masks", "3"],
        cwd=REPOSITORY, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode == 0


def _scenes(stack: Stack) -> set[str]:
    """Return the rendered scenes, each with its file's number."""
    return set(stack.execute("sh", "-c", "ls -i /var/lib/sali/cache/*/demo-*.mp4").splitlines())


def test_an_update_and_a_rollback_keep_the_state_and_bring_masks(
    stack: Stack, next_image: str
) -> None:
    before = _version(stack)
    stack.execute("sh", "-c", "echo kept >/var/lib/sali/weights.txt")
    scenes = _scenes(stack)

    stack.up(SERVER_IMAGE=next_image)
    assert _version(stack) == _NEXT != before
    assert stack.execute("cat", "/var/lib/sali/weights.txt").strip() == "kept"
    later_scenes = _scenes(stack)
    assert scenes < later_scenes, "another version renders its own beside the old ones"
    assert _is_masking(stack)

    stack.up(SERVER_IMAGE="sali-live:test")
    assert _version(stack) == before
    assert _scenes(stack) == later_scenes
    assert stack.execute("cat", "/var/lib/sali/weights.txt").strip() == "kept"
    assert _is_masking(stack)
