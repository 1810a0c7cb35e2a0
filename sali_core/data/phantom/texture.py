"""The mucosa's surface: a wrapping tile of reflectance, relief and gloss, with coarser copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import create_rng, tile_noise
from sali_core.data.phantom.vessels import draw_vessels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook

    F32 = NDArray[np.float32]

LEVELS = 4
RED, GREEN, BLUE, GLOSS, TILT_S, TILT_PSI, PITS, SPARE = range(8)


class MucosaTexture:
    """Eight bytes a texel, looked up by position along (s) and around (psi) the tube.

    The tile covers one circumference both ways, so texels are square where the radius is 1.
    Immutable after construction; may be shared between threads.
    """

    def __init__(self, seed: int, look: SceneLook, side_px: int) -> None:
        """Synthesise the tile of `seed`; `side_px` must be a power of two."""
        texels = _synthesise(create_rng(seed, "texture"), look, side_px)
        levels = [texels]
        for _ in range(LEVELS - 1):
            fine = levels[-1]
            levels.append(
                0.25 * (fine[0::2, 0::2] + fine[1::2, 0::2] + fine[0::2, 1::2] + fine[1::2, 1::2])
            )
        packed = [np.clip(np.rint(level), 0, 255).astype(np.uint8) for level in levels]
        sizes = np.array([len(level) for level in packed], dtype=np.int64)
        self._sizes = sizes
        self._offsets = np.concatenate([[0], np.cumsum(sizes[:-1] ** 2)])
        flat = np.concatenate([level.reshape(-1, 8) for level in packed])
        self._texels = np.ascontiguousarray(flat).view(np.uint64).reshape(-1)
        self.side_px = side_px
        self.texels_per_unit = np.float32(side_px / (2.0 * np.pi))

    def lookup(self, s: F32, psi: F32, level: NDArray[np.int64] | None = None) -> F32:
        """Fetch texels.

        Args:
            s: Position along the tube in radii, [N].
            psi: Angle around the tube in radians, [N].
            level: Coarseness, 0 (finest) to LEVELS - 1, [N]; None is 0.

        Returns:
            [8, N] float32: reflectance 0-1 (3), gloss 0-1, tilts -1 to 1 (2), pits -1 to 1, 0.
        """
        row = np.floor(s * self.texels_per_unit).astype(np.int64)
        column = np.floor(psi * self.texels_per_unit).astype(np.int64)
        wrap = self.side_px - 1
        row &= wrap
        column &= wrap
        if level is None:
            index = row * self.side_px + column
        else:
            row >>= level
            column >>= level
            index = self._offsets[level] + row * self._sizes[level] + column
        found = self._texels[index].view(np.uint8).reshape(-1, 8)
        values = np.empty((8, len(found)), dtype=np.float32)
        for channel in range(8):
            values[channel] = found[:, channel]
        values *= np.float32(1.0 / 255.0)
        signed = values[TILT_S:]
        signed *= 2.0
        signed -= 1.0
        return values


def _synthesise(rng: np.random.Generator, look: SceneLook, side: int) -> F32:
    """Return [side, side, 8] float32 in the range 0-255."""
    unit = side / 1024.0
    shape = (side, side)
    broad = tile_noise(rng, shape, (260 * unit, 260 * unit), slope=3.0)
    mid = tile_noise(rng, shape, (40 * unit, 40 * unit), slope=2.5, band=True)
    fine = tile_noise(rng, shape, (max(3.0, 9 * unit), max(3.0, 9 * unit)), slope=3.0, band=True)
    vessels = draw_vessels(rng, side, float(rng.uniform(10, 34)))
    net = np.clip(
        1.0 - 7.0 * np.abs(tile_noise(rng, shape, (46 * unit, 46 * unit), slope=3.5)), 0, 1
    )
    vessels = np.maximum(
        vessels, 0.38 * net * np.clip(0.5 + np.roll(broad, side // 2, axis=1), 0.0, 1.0)
    )
    shown = np.clip(0.75 + 0.4 * broad, 0.15, 1.0) * vessels * np.float32(look.vessel_strength)
    colour = np.empty((side, side, 3), dtype=np.float32)
    brightness = 1.0 + np.float32(look.mottle) * (0.7 * broad + 0.5 * mid + 0.3 * fine)
    redness = np.float32(look.mottle) * (0.9 * np.roll(broad, side // 3, axis=0) + 0.35 * mid)
    for channel in range(3):
        blood = 1.0 - shown * np.float32(1.0 - look.vessel[channel])
        flush = 1.0 if channel == 0 else 1.0 - np.clip(redness, -0.08, 0.5)
        colour[..., channel] = look.mucosa[channel] * brightness * flush * blood
    height = 0.8 * mid + 0.16 * fine - 0.15 * vessels
    if look.residue > 0.0:
        lumps = tile_noise(rng, shape, (70 * unit, 70 * unit), slope=3.5)
        level = np.quantile(lumps[::8, ::8], 1.0 - look.residue)
        cover = np.clip((lumps - level) * 3.5, 0.0, 0.85)
        height = height + 3.0 * cover * np.clip(lumps - level, 0.0, 1.0)
        stool = np.array([0.86, 0.47, 0.13], dtype=np.float32) * (1.0 + 0.15 * mid[..., None])
        colour += cover[..., None] * (stool - colour)
    texels = np.empty((side, side, 8), dtype=np.float32)
    texels[..., :3] = np.clip(colour, 0.01, 1.0) * 255.0
    texels[..., GLOSS] = np.clip(0.5 + 0.32 * np.roll(mid, side // 2, axis=1), 0.05, 1.0) * 255.0
    tilt = np.float32(0.16 / unit) * np.float32(0.28)
    slope_s = (np.roll(height, -1, axis=0) - np.roll(height, 1, axis=0)) * tilt * unit * 6
    slope_psi = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) * tilt * unit * 6
    texels[..., TILT_S] = np.clip(slope_s, -1.0, 1.0) * 127.0 + 127.5
    texels[..., TILT_PSI] = np.clip(slope_psi, -1.0, 1.0) * 127.0 + 127.5
    texels[..., PITS] = np.clip(fine * 0.4, -1.0, 1.0) * 127.0 + 127.5
    texels[..., SPARE] = 127.5
    return texels
