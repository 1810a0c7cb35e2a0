"""The phantom: a colonoscopy-like scene rendered frame by frame, with the truth of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.bubbles import Foam, draw_foam
from sali_core.data.phantom.config import CODE_HEIGHT_PX, CODE_WIDTH_PX, PhantomConfig
from sali_core.data.phantom.effects import FULL_SCALE, defocus, enlarge, sharpen, smear
from sali_core.data.phantom.frame_code import draw_frame_code
from sali_core.data.phantom.lens import Lens
from sali_core.data.phantom.light import expose, illuminate
from sali_core.data.phantom.look import create_look
from sali_core.data.phantom.noise import create_rng
from sali_core.data.phantom.path import CameraPath, Pose, Stretch, Timeline
from sali_core.data.phantom.polyp_drawing import draw_polyp
from sali_core.data.phantom.polyps import SIGHT, Polyp, create_polyps
from sali_core.data.phantom.raycast import TubeCaster
from sali_core.data.phantom.surface import create_wall
from sali_core.data.phantom.texture import MucosaTexture
from sali_core.data.phantom.tube import Tube

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

_EXPOSURE_S = 0.012
_GREY = FULL_SCALE // 255  # one grey level of an enlarged picture


@dataclass(frozen=True, slots=True)
class PhantomFrame:
    """One rendered frame.

    Attributes:
        image: [H, W, 3] uint8 RGB.
        mask: [H, W] bool, True on the visible pixels of polyps; geometric truth, also where
            blur, darkness, glare or bubbles hide them from the eye.
        kind: "clear", "blur", "dark", "washed_out" or "bubbles".
        numbers: [H, W] uint16, which of the scene's polyps is seen there, from 1; 0 outside the
            mask and on some pixels of its edge.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    kind: str
    numbers: NDArray[np.uint16]


class Phantom:
    """One scene. Frames may be asked for in any order and depend on (config, index) alone.

    Immutable after construction; may be shared between threads.
    """

    def __init__(self, config: PhantomConfig) -> None:
        """Prepare the scene of `config`: maps, path, polyps (some tenths of a second)."""
        self.config = config
        seed = config.seed
        small = config.width * config.height < 400 * 400 and config.pixel_step == 2
        self._look = create_look(seed)
        self._tube = Tube(seed, self._look)
        self._texture = MucosaTexture(seed, self._look, 512 if small else 1024)
        self._lens = Lens(config.width, config.height, config.pixel_step, self._look, config.border)
        self._caster = TubeCaster(self._tube, 128 if small else 192, 112 if small else 224)
        polyps = create_polyps(seed, self._look, self._tube, config.seconds)
        # without its polyps the scene keeps its camera path, glances included
        points = np.array([polyp.centre for polyp in polyps])
        self._polyps: list[Polyp] = polyps if config.polyps else []
        self._polyp_z = points[: len(self._polyps), 2].copy()
        self._path = CameraPath(seed, self._look, self._tube, points)
        self._timeline = Timeline(seed, config.seconds, config.degraded)
        self._outside = np.flatnonzero(~self._lens.inside)
        grain = create_rng(seed, "grain").standard_normal((config.height + 61, config.width + 67))
        self._grain = np.clip(np.rint(grain * self._look.sensor_noise * _GREY), -1200, 1200).astype(
            np.int16
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.config.frames

    def render(self, index: int) -> PhantomFrame:
        """Render frame `index`.

        Raises:
            IndexError: `index` is not in [0, len(self)).
        """
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} is not in this scene of {len(self)} frames")
        time_s = index / self.config.fps
        stretch, strength = self._timeline.at(time_s)
        pose = self._path.pose(time_s)
        picture, numbers = self._cast(pose, stretch, strength)
        picture = self._blur(picture, pose, time_s, stretch.kind, strength)
        image = self._develop(picture, index)
        mask = self._truth(numbers > 0)
        if self.config.frame_code:
            draw_frame_code(image, index)
            mask[-CODE_HEIGHT_PX:, :CODE_WIDTH_PX] = False
        kind = stretch.kind if strength >= 0.4 else "clear"
        return PhantomFrame(image, mask, kind, self._enlarged(numbers) * mask)

    def _cast(
        self, pose: Pose, stretch: Stretch, strength: float
    ) -> tuple[F32, NDArray[np.uint16]]:
        """Return the reduced picture [3, h, w] in [0, 1] and which polyp is seen [h, w]."""
        lens = self._lens
        rays = pose.rotation.astype(np.float32) @ lens.rays
        hits = self._caster.cast(pose.position, rays)
        surface = create_wall(hits, self._texture, self._look, lens.focal_px)
        z = pose.position[2]
        low, high = np.searchsorted(self._polyp_z, [z - 1.0, z + SIGHT + 0.5])
        numbers = np.zeros(len(surface.polyp), dtype=np.uint16)
        for number in range(low, high):
            polyp = self._polyps[number]
            drawn = draw_polyp(surface, polyp, pose, lens, self._texture, self._look)
            numbers[drawn] = number + 1
        scattered, mirrored = illuminate(surface, pose, self._look)
        gain = 1.0
        if stretch.kind == "dark":
            gain = 1.0 - 0.96 * strength
        elif stretch.kind == "washed_out":
            gain = 1.0 + 9.0 * strength
        shape = (lens.rows, lens.columns)
        picture = expose(scattered, mirrored, self._look, gain).reshape(3, *shape)
        picture = sharpen(picture, self._look.sharpness)
        if stretch.kind == "bubbles":
            at = self._path.z(0.5 * (stretch.start_s + stretch.end_s))
            foam = Foam(self.config.seed, stretch.start_s, at, self._tube)
            draw_foam(picture, surface.distance.reshape(shape), foam, pose, lens, strength)
        return picture, numbers.reshape(shape)

    def _blur(self, picture: F32, pose: Pose, time_s: float, kind: str, strength: float) -> F32:
        """Smear by the camera's motion; in a blurred stretch the hand is faster and unfocused."""
        later = self._path.pose(time_s + _EXPOSURE_S)
        turned = pose.rotation.T @ later.rotation[:, 2]
        exposure = 1.0
        if kind == "blur":
            exposure += 7.0 * strength
            radius_px = max(round(0.006 * strength * self._lens.columns), int(strength > 0.3))
            picture = defocus(picture, radius_px)
        scale = -self._lens.focal_px * exposure
        return smear(picture, scale * float(turned[0]), scale * float(turned[1]))

    def _develop(self, picture: F32, index: int) -> NDArray[np.uint8]:
        """Enlarge, add sensor noise, apply the octagon; returns [H, W, 3] uint8."""
        config = self.config
        full = enlarge(picture, config.pixel_step, config.height, config.width)
        rng = np.random.default_rng([config.seed, index])
        down, aside = int(rng.integers(0, 61)), int(rng.integers(0, 67))
        full += self._grain[down : down + config.height, aside : aside + config.width]
        np.clip(full, 4 * _GREY, FULL_SCALE, out=full)
        full >>= 6
        image = np.empty((config.height, config.width, 3), dtype=np.uint8)
        for channel in range(3):
            image[..., channel] = full[channel]
        image.reshape(-1, 3)[self._outside] = 0
        return image

    def _enlarged(self, numbers: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Return the polyps' numbers at image size."""
        config = self.config
        step = config.pixel_step
        full = numbers.repeat(step, axis=0).repeat(step, axis=1)
        return full[: config.height, : config.width]

    def _truth(self, polyp: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask at image size, inside the octagon."""
        config = self.config
        if not polyp.any():
            return np.zeros((config.height, config.width), dtype=np.bool_)
        soft = polyp[None].astype(np.float32)
        full = enlarge(soft, config.pixel_step, config.height, config.width)[0]
        return np.asarray((full > FULL_SCALE // 2) & self._lens.inside)
