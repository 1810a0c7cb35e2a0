"""Where the camera is and what the picture suffers from, at any second of a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import Wander, create_rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook
    from sali_core.data.phantom.tube import Tube

    F64 = NDArray[np.float64]

KINDS = ("clear", "blur", "dark", "washed_out", "bubbles")
EYE_CATCHING = (0.4, 0.9, 2.4, 4.2)  # a polyp this far ahead draws the camera: in, full, full, out


@dataclass(frozen=True, slots=True)
class Pose:
    """Camera position (x, y, z) in the tube's axes and its axes as columns (right, down, on)."""

    position: F64
    rotation: F64


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of degraded video: `kind` from `start_s` to `end_s`, ramps included."""

    start_s: float
    end_s: float
    kind: str
    strength: float


CLEAR = Stretch(0.0, 0.0, "clear", 0.0)


class CameraPath:
    """The camera's motion in closed form: steady travel, hand tremor, glances at polyps."""

    def __init__(self, seed: int, look: SceneLook, tube: Tube, polyp_points: F64) -> None:
        """Draw the motion of `seed`; `polyp_points` is [P, 3], sorted by z."""
        rng = create_rng(seed, "path")
        self._tube = tube
        self._speed = look.speed
        self._surge = Wander(rng, 0.16, (2.5, 9.0), 3)
        self._aside = [Wander(rng, rng.uniform(0.05, 0.13), (3.0, 14.0), 4) for _ in range(2)]
        self._glance = [Wander(rng, rng.uniform(0.08, 0.3), (2.2, 12.0), 5) for _ in range(2)]
        self._roll = Wander(rng, rng.uniform(0.1, 0.5), (6.0, 40.0), 4)
        self._roll_start = rng.uniform(0.0, 2.0 * np.pi)
        self._points = polyp_points

    def z(self, time_s: float) -> float:
        """Return the position along the tube in radii."""
        return float(self._speed * time_s + self._surge.at(time_s))

    def pose(self, time_s: float) -> Pose:
        """Return the camera's pose; smooth in time."""
        z = self.z(time_s)
        aside = np.clip([float(wander.at(time_s)) for wander in self._aside], -0.28, 0.28)
        position = np.append(self._tube.centre(z) + aside, z)
        ahead = self._tube.centre(z + 1.4) - position[:2]
        forward = np.array([ahead[0], ahead[1], 1.4])
        forward /= np.linalg.norm(forward)
        forward = self._attracted(position, forward)
        forward[0] += float(self._glance[0].at(time_s))
        forward[1] += float(self._glance[1].at(time_s))
        forward /= np.linalg.norm(forward)
        roll = self._roll_start + float(self._roll.at(time_s))
        right = np.array([np.cos(roll), np.sin(roll), 0.0])
        right -= (right @ forward) * forward
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        return Pose(position, np.stack([right, down, forward], axis=1))

    def _attracted(self, position: F64, forward: F64) -> F64:
        """Turn part of the way towards the polyps just ahead."""
        low, high = np.searchsorted(
            self._points[:, 2], [position[2] + EYE_CATCHING[0], position[2] + EYE_CATCHING[3]]
        )
        total = 0.0
        pull = np.zeros(3)
        for point in self._points[low:high]:
            towards = point - position
            weight = float(
                np.interp(towards[2], EYE_CATCHING, (0.0, 1.0, 1.0, 0.0)) / (1.0 + 0.3 * towards[2])
            )
            pull += weight * towards / np.linalg.norm(towards)
            total += weight
        turned = forward + 0.75 * pull / (1.0 + 0.5 * total)
        return np.asarray(turned / np.linalg.norm(turned))


class Timeline:
    """Which stretches of a scene are degraded, and how much at any second."""

    def __init__(self, seed: int, seconds: float, degraded: bool) -> None:
        """Draw the stretches of the first `seconds`; none when `degraded` is False."""
        rng = create_rng(seed, "timeline")
        self._stretches: list[Stretch] = []
        at = float(rng.uniform(2.0, 7.0))
        while degraded and at < seconds:
            kind = KINDS[int(rng.integers(1, len(KINDS)))]
            length = float(rng.uniform(0.7, 2.2)) * (1.6 if kind == "bubbles" else 1.0)
            self._stretches.append(Stretch(at, at + length, kind, float(rng.uniform(0.7, 1.0))))
            at += length + float(rng.uniform(3.5, 9.0))
        self._starts = np.array([stretch.start_s for stretch in self._stretches])

    def at(self, time_s: float) -> tuple[Stretch, float]:
        """Return the stretch and its strength now, 0 to 1; CLEAR and 0 outside all stretches."""
        index = int(np.searchsorted(self._starts, time_s, side="right")) - 1
        if index < 0 or time_s >= self._stretches[index].end_s:
            return CLEAR, 0.0
        stretch = self._stretches[index]
        ramp = min(time_s - stretch.start_s, stretch.end_s - time_s) / 0.25
        strength = stretch.strength * min(1.0, ramp)
        return stretch, strength
