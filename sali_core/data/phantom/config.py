"""What a caller may choose of a phantom scene; everything else follows from the seed."""

from __future__ import annotations

from dataclasses import dataclass

from sali_core.errors import ConfigError

MIN_SIDE_PX = 64
MAX_SIDE_PX = 4096
MAX_FRAMES = 10_000_000
CODE_WIDTH_PX = 256
CODE_HEIGHT_PX = 32


@dataclass(frozen=True, slots=True)
class PhantomConfig:
    """One phantom scene: size, rate, length and seed.

    The scene depends on the seed alone; size, rate and length choose how it is seen, so two
    configurations of one seed show the same colon at the same second.

    Attributes:
        width: Frame width in pixels, 64 to 4096, odd sizes included.
        height: Frame height in pixels, 64 to 4096.
        fps: Frames per second, 1 to 240.
        seconds: Length of the scene; at least one frame.
        seed: Any integer from 0; picks colour, vessels, folds, lens, light, path and polyps.
        frame_code: Burn the frame's number into the bottom left corner (see `frame_code`).
        polyps: False renders the same colon, seen from the same path, without a single polyp.
        border: Draw the black octagonal border; False fills the rectangle.
        degraded: Include blurred, dark, washed-out and bubbly stretches.
        pixel_step: 2 casts one ray for each 2 x 2 pixels and interpolates (fast, soft as a
            real endoscope is), 1 casts one ray for each pixel (four times the work).
    """

    width: int = 640
    height: int = 480
    fps: float = 25.0
    seconds: float = 60.0
    seed: int = 0
    frame_code: bool = False
    polyps: bool = True
    border: bool = True
    degraded: bool = True
    pixel_step: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be rendered.

        Raises:
            ConfigError: A value is out of range; the message names it.
        """
        for name, side in (("width", self.width), ("height", self.height)):
            if not MIN_SIDE_PX <= side <= MAX_SIDE_PX:
                raise ConfigError(f"{name} must be {MIN_SIDE_PX} to {MAX_SIDE_PX}, not {side}")
        if not 1.0 <= self.fps <= 240.0:
            raise ConfigError(f"fps must be 1 to 240, not {self.fps:g}")
        if not 0.0 < self.seconds * self.fps <= MAX_FRAMES:
            raise ConfigError(f"seconds must give 1 to {MAX_FRAMES} frames, not {self.seconds:g} s")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, not {self.seed}")
        if self.pixel_step not in (1, 2):
            raise ConfigError(f"pixel_step must be 1 or 2, not {self.pixel_step}")
        if self.frame_code and (self.width < CODE_WIDTH_PX or self.height < 2 * CODE_HEIGHT_PX):
            raise ConfigError(
                f"a frame code needs at least {CODE_WIDTH_PX} x {2 * CODE_HEIGHT_PX} pixels, "
                f"not {self.width} x {self.height}"
            )

    @property
    def frames(self) -> int:
        """Number of frames, at least 1."""
        return max(1, round(self.seconds * self.fps))
