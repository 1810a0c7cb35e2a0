"""Phantom scenes of many looks as training videos."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sali_core.data.phantom import Phantom, PhantomConfig

_LOOK_EVERY = 8
_LOOK_SIZE_PX = 64
_LEAST_SHARE = 0.003
_EDGE_PX = 1


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

    @cached_property
    def cut_off(self) -> tuple[int, ...]:
        """Frames on which the edge of the picture cuts off a polyp: it comes into sight, or goes.

        Every eighth frame is looked at, on small pictures, at the first use (a second of a core).
        """
        if not self._config.polyps:
            return ()
        seed, seconds = self._config.seed, self._config.seconds
        small = Phantom(PhantomConfig(_LOOK_SIZE_PX, _LOOK_SIZE_PX, seconds=seconds, seed=seed))
        looks = ((k, small.render(k)) for k in range(0, len(small), _LOOK_EVERY))
        return tuple(k for k, frame in looks if is_cut_off(frame.image, frame.mask))


def is_cut_off(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> bool:
    """Tell whether the edge of the picture, black around, cuts off what a mask shows.

    Args:
        image: [H, W, 3], 0 outside the picture.
        mask: [H, W].
    """
    inner = ndimage.binary_erosion(image.any(-1), iterations=_EDGE_PX)
    return bool((mask & ~inner).any()) and float(mask.mean()) >= _LEAST_SHARE


def create_phantom_videos(count: int, size: int, *, first_seed: int) -> list[PhantomVideo]:
    """Return `count` scenes of different seeds; every second has no polyp."""
    return [PhantomVideo(first_seed + k, size, polyps=k % 2 == 0) for k in range(count)]


# 10 MB each
@lru_cache(maxsize=128)
def _scene(config: PhantomConfig) -> Phantom:
    return Phantom(config)
