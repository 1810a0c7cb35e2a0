"""A camera that moves over a still picture, and tissue that moves under it.

All positions are in the coordinates of `grid_sample`: [-1, 1] across picture or view, x before y.
Time counts frames; a path is smooth in it, so that neighbours are close and older views farther.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.data.augment import uniform

Window = tuple[float, float, float]
"""Centre x, y and half size of a square part of a picture."""

_PAN_X, _PAN_Y, _ZOOM, _TURN, _TILT_X, _TILT_Y = range(6)
_AMPLITUDES = (0.13, 0.13, 0.11, 0.18, 0.05, 0.05)
_FIELD_CELLS = 5
_GROWTH_FRAMES = 30.0
_NODE_SPACING_PX = 8


@dataclass(frozen=True)
class Excursion:
    """A time spent away from the polyp.

    Attributes:
        window: Where the camera looks meanwhile.
        times: Sets off, arrives, turns back, is back; never falling.
    """

    window: Window
    times: tuple[float, float, float, float]

    def share(self, time: float) -> float:
        """Return how far away the camera is: 0 at home, 1 at the window."""
        set_off, arrived, turned, back = self.times
        going = (time - set_off) / max(arrived - set_off, 1e-6)
        returning = (time - turned) / max(back - turned, 1e-6)
        return _ease(going) - _ease(returning)


@dataclass(frozen=True)
class CameraPath:
    """Where the camera looks at any time; drawn once by `create_path`.

    Attributes:
        start: Time from which the tissue begins to deform.
        centre: Of the view at time 0, [2].
        scale: Half size of the view at time 0; 1 sees the whole picture.
        turn: Angle at time 0, radians.
        tilt: Perspective at time 0, [2]: relative growth towards the view's right and lower edge.
        shape: Flips and aspect as a [2, 2] matrix.
        sway: Two waves for each of pan x, y, zoom, turn, tilt x, y: amplitude, radians per frame
            and phase, [6, 2, 3]; all zero at time 0.
        fields: Two displacement fields of the tissue, [2, 2, n, n].
        excursion: Time away from the polyp, if any.
    """

    start: float
    centre: Tensor
    scale: float
    turn: float
    tilt: Tensor
    shape: Tensor
    sway: Tensor
    fields: Tensor
    excursion: Excursion | None = None

    def grids(self, times: Sequence[float], size: int) -> Tensor:
        """Return the place in the picture of every pixel of the views.

        A view pixel v lands on the picture at  p + e(t) D(p, t)  with
        p = scale(t) * shape * R(t) * v / (1 + tilt(t) . v) + centre(t): a homography, then a
        smooth displacement D of the tissue whose strength e grows along the clip. The map is
        computed every 8 pixels and interpolated: it is smooth, and this is ten times cheaper.

        Args:
            times: Of the T views, frames.
            size: Height and width of a view, pixels.

        Returns:
            [T, size, size, 2] float32 for `grid_sample(..., align_corners=False)`.
        """
        count = size // _NODE_SPACING_PX + 1
        line = torch.linspace(-1 + 1 / size, 1 - 1 / size, count)
        y, x = torch.meshgrid(line, line, indexing="ij")
        view = torch.stack((x, y))
        nodes = torch.stack([self._deform(self._project(view, t), t) for t in times])
        full = F.interpolate(nodes, (size, size), mode="bilinear", align_corners=True)
        return full.permute(0, 2, 3, 1)

    def _project(self, view: Tensor, time: float) -> Tensor:
        """Map view positions [2, n, n] to picture positions."""
        waves = self.sway[..., 0] * (
            torch.sin(self.sway[..., 1] * time + self.sway[..., 2]) - self.sway[..., 2].sin()
        )
        sway = waves.sum(1)
        angle = self.turn + sway[_TURN]
        rotation = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos())).view(2, 2)
        scale = self.scale * torch.exp(sway[_ZOOM])
        centre = self.centre + sway[[_PAN_X, _PAN_Y]]
        if self.excursion is not None:
            away = self.excursion.share(time)
            x, y, half = self.excursion.window
            centre = torch.lerp(centre, torch.tensor((x, y)), away)
            scale = scale * (0.9 * half / scale) ** away
        tilt = self.tilt + sway[[_TILT_X, _TILT_Y]]
        flat = view / (1 + (tilt.view(2, 1, 1) * view).sum(0))
        moved = torch.einsum("ij,jkl->ikl", self.shape @ rotation * scale, flat)
        return moved + centre.view(2, 1, 1)

    def _deform(self, places: Tensor, time: float) -> Tensor:
        """Move picture positions [2, n, n] with the tissue."""
        grown = 1 - math.exp(-max(time - self.start, 0.0) / _GROWTH_FRAMES)
        phase = 2 * math.pi * time / 90
        field = grown * (self.fields[0] * math.cos(phase) + self.fields[1] * math.sin(phase))
        shift = F.grid_sample(
            field[None],
            places.permute(1, 2, 0)[None],
            mode="bicubic",
            padding_mode="border",
            align_corners=True,
        )
        return places + shift[0]


def create_path(
    generator: Generator,
    *,
    start: float,
    window: Window | None = None,
    excursion: Excursion | None = None,
    reach: float = 1.0,
) -> CameraPath:
    """Draw a camera path.

    Args:
        generator: Source of randomness.
        start: Time of the oldest frame that will be asked for; the tissue deforms from there on.
        window: Part of the picture to stay inside, narrowly; None roams freely.
        excursion: Time away from the polyp, if any.
        reach: How far, in [0, 1], all that is drawn departs from the picture as it is; flips do
            not count.
    """
    if window is None:
        centre = torch.tensor([uniform(generator, -0.25, 0.25), uniform(generator, -0.25, 0.25)])
        centre = centre * reach
        scale, freedom = 1 + reach * (uniform(generator, 0.5, 1.1) - 1), reach
    else:
        centre, scale, freedom = torch.tensor(window[:2]), window[2] * 0.9, 0.1
    turned = uniform(generator, 0, 1) < 0.5
    turn = reach * uniform(generator, -math.pi, math.pi) if turned else 0.0
    flips = [1.0 if uniform(generator, 0, 1) < 0.5 else -1.0 for _ in range(2)]
    aspect = torch.diag(torch.tensor([1 + reach * (uniform(generator, 0.85, 1.18) - 1), 1.0]))
    tilt = 0.16 * freedom * (2 * torch.rand(2, generator=generator) - 1)
    speed = 2 ** uniform(generator, -1.5, 1.0)
    size = [_FIELD_CELLS, _FIELD_CELLS]
    elastic = uniform(generator, 0.0, 0.09) * (reach if window is None else 0.3)
    return CameraPath(
        start=start,
        centre=centre,
        scale=scale,
        turn=turn,
        tilt=tilt,
        shape=torch.diag(torch.tensor(flips)) @ aspect,
        sway=_draw_sway(generator, freedom, speed),
        fields=elastic * (2 * torch.rand((2, 2, *size), generator=generator) - 1),
        excursion=excursion,
    )


def find_empty_window(mask: Tensor, generator: Generator, tries: int = 20) -> Window | None:
    """Find a square part of a picture that shows no polyp.

    Args:
        mask: [H, W], nonzero where there is a polyp.
        generator: Source of randomness.
        tries: Random windows to look at.

    Returns:
        Centre x, y and half size in [-1, 1] coordinates, or None if every try held polyp.
    """
    h, w = mask.shape
    for _ in range(tries):
        half = uniform(generator, 0.3, 0.55)
        x = uniform(generator, -1 + half, 1 - half)
        y = uniform(generator, -1 + half, 1 - half)
        reach = half * 1.45  # a turned window reaches out by the square root of two
        rows = slice(max(int((y - reach + 1) / 2 * h), 0), int((y + reach + 1) / 2 * h) + 1)
        cols = slice(max(int((x - reach + 1) / 2 * w), 0), int((x + reach + 1) / 2 * w) + 1)
        if not mask[rows, cols].any():
            return x, y, half
    return None


def _draw_sway(generator: Generator, freedom: float, speed: float) -> Tensor:
    """Draw two waves per degree of freedom, [6, 2, 3]; periods of 50 to 160 frames over speed."""
    drawn = torch.rand((6, 2, 3), generator=generator)
    amplitude = torch.tensor(_AMPLITUDES).view(6, 1) * (0.3 + 0.7 * drawn[..., 0]) * freedom
    period = (50 + 110 * drawn[..., 1]) / speed
    return torch.stack((amplitude, 2 * math.pi / period, 2 * math.pi * drawn[..., 2]), -1)


def _ease(share: float) -> float:
    """Return a soft step from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
