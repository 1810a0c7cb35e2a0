"""Seeded noise that tiles: spectral fields for textures, slow sine sums for motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]


def create_rng(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator of its own for one purpose, so that parts of a scene stay independent."""
    return np.random.default_rng([seed, *purpose.encode()])


def tile_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength_px: tuple[float, float],
    *,
    slope: float = 2.0,
    band: bool = False,
) -> F32:
    """Draw Gaussian noise that wraps around in both directions.

    Args:
        rng: Source of randomness.
        shape: (rows, columns).
        wavelength_px: Characteristic wavelength along rows and columns.
        slope: Fall of the amplitude above the characteristic frequency, as a power.
        band: True also removes what is much coarser than the wavelength.

    Returns:
        [rows, columns] float32 with mean 0 and deviation 1.
    """
    white = rng.standard_normal(shape, dtype=np.float32)
    fy = np.fft.fftfreq(shape[0]).astype(np.float32)[:, None] * wavelength_px[0]
    fx = np.fft.rfftfreq(shape[1]).astype(np.float32)[None, :] * wavelength_px[1]
    power = fy * fy + fx * fx
    gain = (1.0 + power) ** np.float32(-0.5 * slope)
    if band:
        gain *= power / (power + 1.0)
    gain[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(white) * gain, s=shape).astype(np.float32)
    return field / np.float32(field.std() + 1e-12)


def blur_tile(field: F32, sigma_px: tuple[float, float]) -> F32:
    """Blur a wrapping field with a Gaussian; returns float32 of the same shape."""
    fy = np.fft.fftfreq(field.shape[0]).astype(np.float32)[:, None] * sigma_px[0]
    fx = np.fft.rfftfreq(field.shape[1]).astype(np.float32)[None, :] * sigma_px[1]
    gain = np.exp(np.float32(-2.0 * np.pi**2) * (fy * fy + fx * fx))
    return np.fft.irfft2(np.fft.rfft2(field) * gain, s=field.shape).astype(np.float32)


class Wander:
    """A smooth random walk given in closed form, so that any instant can be asked for.

    The value is a sum of sines; its deviation equals `amplitude`, and its extremes stay below
    2.5 times that.
    """

    def __init__(
        self, rng: np.random.Generator, amplitude: float, periods: tuple[float, float], terms: int
    ) -> None:
        """Draw `terms` sines with periods spread over `periods` (in units of the argument)."""
        spread = np.linspace(0.0, 1.0, terms) + rng.uniform(-0.12, 0.12, terms)
        lengths = periods[0] * (periods[1] / periods[0]) ** np.clip(spread, 0.0, 1.0)
        self._omega = 2.0 * np.pi / lengths
        self._phase = rng.uniform(0.0, 2.0 * np.pi, terms)
        weight = rng.uniform(0.6, 1.0, terms) * np.sqrt(lengths)
        self._weight = weight * (amplitude * np.sqrt(2.0) / np.linalg.norm(weight))

    def at(self, x: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at `x` (any shape), float64."""
        angle = np.multiply.outer(np.asarray(x, dtype=np.float64), self._omega) + self._phase
        value: NDArray[np.float64] = np.sin(angle) @ self._weight
        return value

    def slope(self, x: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative at `x` (any shape), float64."""
        angle = np.multiply.outer(np.asarray(x, dtype=np.float64), self._omega) + self._phase
        value: NDArray[np.float64] = np.cos(angle) @ (self._weight * self._omega)
        return value
