from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sali_core.data.phantom import Phantom, PhantomConfig

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@dataclass(frozen=True)
class PhantomFile:
    """A phantom video with frame codes, and its truth."""

    path: Path
    config: PhantomConfig

    def truth(self, number: int) -> npt.NDArray[np.bool_]:
        return _scene(self.config).render(number).mask


@lru_cache(maxsize=2)
def _scene(config: PhantomConfig) -> Phantom:
    return Phantom(config)


@pytest.fixture(scope="session")
def phantom_file(tmp_path_factory: pytest.TempPathFactory) -> PhantomFile:
    """Forty seconds of a scene, its frame numbers burned in."""
    path = tmp_path_factory.mktemp("phantom") / "scene.mp4"
    config = PhantomConfig(seconds=40.0, seed=7, frame_code=True)
    subprocess.run(
        [
            str(Path(sys.executable).parent / "sali"), "phantom", "-o", str(path),
            "--seconds", "40", "--seed", "7", "--frame-code",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return PhantomFile(path, config)


@pytest.fixture(scope="session")
def clips() -> Path:
    """Real clips, where they are at hand."""
    folder = SHARED / "clips"
    if not folder.is_dir():
        pytest.skip("no real clips here (../shared/data/clips)")
    return folder
