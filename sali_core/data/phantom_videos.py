"""Phantom scenes of many looks as training videos."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sali_core.data.phantom import Phantom, PhantomConfig


class PhantomVideo:
    """One phantom scene, rendered on demand at the size training wants."""

    def __init__(self, seed: int, size: int, *, polyps: bool = True, seconds: float = 40.0) -> None:
        self._config = PhantomConfig(
            width=size, height=size, seconds=seconds, seed=seed, polyps=polyps
        )
        self._frames = round(seconds * self._config.fps)

    def __len__(self) -> int:
        return self._frames

    def load(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Render one frame: image [S, S, 3] uint8 and mask [S, S] bool."""
        frame = _scene(self._config).render(index)
        return frame.image, frame.mask


def create_phantom_videos(count: int, size: int, *, first_seed: int) -> list[PhantomVideo]:
    """Return `count` scenes of different seeds; every second has no polyp."""
    return [PhantomVideo(first_seed + k, size, polyps=k % 2 == 0) for k in range(count)]


@lru_cache(maxsize=64)
def _scene(config: PhantomConfig) -> Phantom:
    return Phantom(config)
