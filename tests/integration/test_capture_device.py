"""A capture device, as far as that goes without one: FFmpeg's own V4L2 reader and our own requests,
on a driver that answers from a preloaded library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.capture_scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "fakes" / "v4l2_device.c"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("a C compiler and the kernel's headers are needed (gcc, linux-libc-dev)")
    library = tmp_path_factory.mktemp("driver") / "v4l2_device.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(DRIVER), "-ldl"], check=True
    )
    return library


@pytest.mark.parametrize("scenario", [scenario.__name__ for scenario in SCENARIOS])
def test_a_capture_device(scenario: str, driver: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.fakes.capture_scenarios", scenario],
        cwd=ROOT,
        env=os.environ | {"LD_PRELOAD": str(driver), "FAKE_V4L2": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
