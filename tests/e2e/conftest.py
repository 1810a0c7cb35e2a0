from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from sali_core.data.phantom import Phantom, PhantomConfig
from tests.e2e.phantom_film import write_phantom_film
from tests.fakes.code_publisher import CodedPictures

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
    """A scene of polyps, its frame numbers burned in: four seconds there and back, three times."""
    path = tmp_path_factory.mktemp("phantom") / "scene.mp4"
    config = PhantomConfig(seconds=40.0, seed=7, frame_code=True)
    write_phantom_film(path, _scene(config))
    return PhantomFile(path, config)


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of frame-coded pictures as the file of a fake camera."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    pictures = CodedPictures()
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        stream.options = {"qmin": "2", "qmax": "4"}
        for number in range(250):
            container.mux(
                stream.encode(pictures.draw(number, (640, 480)).reformat(format="yuvj420p"))
            )
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def clips() -> Path:
    """Real clips, where they are at hand."""
    folder = SHARED / "clips"
    if not folder.is_dir():
        pytest.skip("no real clips here (../shared/data/clips)")
    return folder
