"""Recognises plain backbones: timm's (classifier or pyramid) and the original PVTv2 files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import timm
import torch
from torch import Tensor

from sali_core.config import PROFILES
from sali_core.weights.fitting import Fit, fit_state, shapes_of
from sali_core.weights.naming import to_pvtv2

PVTV2 = (*(f"pvt_v2_b{size}" for size in range(6)), "pvt_v2_b2_li")
# Every backbone that is recognised by itself.
BACKBONES = tuple(dict.fromkeys((*PVTV2, *(c.backbone for c in PROFILES.values()))))


@cache
def pyramid_shapes(name: str) -> dict[str, torch.Size]:
    """Return names and shapes of a timm model's feature pyramid, which our encoder holds."""
    with torch.device("meta"):
        return shapes_of(timm.create_model(name, pretrained=False, features_only=True).state_dict())


@cache
def classifier_names(name: str) -> frozenset[str]:
    """Return the names a plain timm model has besides those of its feature pyramid."""
    kept = {_bare(key) for key in pyramid_shapes(name)}
    with torch.device("meta"):
        plain = timm.create_model(name, pretrained=False).state_dict()
    return frozenset(key for key in plain if _bare(key) not in kept)


def fit_backbone(name: str, state: Mapping[str, Tensor]) -> Fit:
    """Fit a state dict to a backbone's pyramid, whichever of the three namings it uses."""
    return fit_state(pyramid_shapes(name), state, _naming(state), classifier_names(name))


def closest_backbone(state: Mapping[str, Tensor]) -> str | None:
    """Return the known backbone a state dict is of, or comes closest to; None if none is close.

    Close: at least half of the names are there in the right shape.
    """
    is_pvt = any(name.startswith("patch_embed") for name in state)
    names = PVTV2 if is_pvt else tuple(name for name in BACKBONES if name not in PVTV2)
    best, fewest = None, 0
    for name in names:
        # A classifier counts alike against every candidate.
        fit = fit_state(pyramid_shapes(name), state, _naming(state))
        if 2 * len(fit.tensors) < len(pyramid_shapes(name)):
            continue
        if best is None or fit.problem_count < fewest:
            best, fewest = name, fit.problem_count
    return best


def _naming(state: Mapping[str, Tensor]) -> Callable[[str], str]:
    if any(name.startswith("patch_embed1.") for name in state):
        return to_pvtv2
    # timm's pyramids flatten the first level of the plain model's names: stages.0 -> stages_0.
    by_bare = {_bare(name): name for name in state}
    plain = any(name.startswith("stages.") for name in state)
    return lambda ours: by_bare.get(
        _bare(ours), ours.replace("stages_", "stages.", 1) if plain else ours
    )


def _bare(name: str) -> str:
    return name.replace(".", "_")
