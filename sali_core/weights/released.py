"""Names of the authors' checkpoint, mapped to ours."""

from __future__ import annotations

import re

from torch import Tensor

from sali_core.errors import CheckpointError

_RULES: tuple[tuple[str, str, int], ...] = (
    # Pattern, our name, what is added to the number found to get ours.
    (r"backbone\.feat_net\.pvtv2_en\.", "encoder.backbone.net.", 0),
    (r"backbone\.feat_net\.rfb([234])_1\.", "encoder.rfb.{n}.", -2),
    (r"backbone\.decoder\.NCD\.", "decoder.partial.", 0),
    (r"backbone\.decoder\.RS([345])\.", "decoder.reverse{n}.", 0),
    (r"membranch\.Key([012])\.", "key.{n}.", 0),
    (r"membranch\.Value([012])\.", "value.{n}.", 0),
    (r"pcd_align\.", "alignment.", 0),
    (r"nlnet\.nl_layer([123])\.", "fusion.blocks.{n}.", -1),
    (r"nlnet\.conv([123])\.", "fusion.convs.{n}.", -1),
)


def is_released(state: dict[str, Tensor]) -> bool:
    """Tell whether a state dict has the authors' names."""
    return any(name.removeprefix("module.").startswith("membranch.") for name in state)


def from_released(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the authors' parameters (with or without `module.`) to ours.

    Raises:
        CheckpointError: A name has no counterpart; the text names it.
    """
    return {_rename(name.removeprefix("module.")): value for name, value in state.items()}


def from_pvtv2(name: str) -> str:
    """Map a parameter name of the original PVTv2 files to timm's pyramid (`features_only`)."""
    if match := re.fullmatch(r"patch_embed([1-4])\.(.+)", name):
        stage = int(match[1]) - 1
        return f"patch_embed.{match[2]}" if stage == 0 else f"stages_{stage}.downsample.{match[2]}"
    if match := re.fullmatch(r"block([1-4])\.(.+)", name):
        rest = match[2].replace("mlp.dwconv.dwconv.", "mlp.dwconv.")
        return f"stages_{int(match[1]) - 1}.blocks.{rest}"
    if match := re.fullmatch(r"norm([1-4])\.(.+)", name):
        return f"stages_{int(match[1]) - 1}.norm.{match[2]}"
    raise CheckpointError(f"parameter {name!r} is not one of the original PVTv2")


def _rename(name: str) -> str:
    for pattern, target, shift in _RULES:
        if match := re.match(pattern, name):
            number = int(match[1]) + shift if match.groups() else 0
            prefix = target.replace("{n}", str(number))
            rest = name[match.end() :]
            if prefix.startswith("encoder.backbone"):
                rest = from_pvtv2(rest)
            return prefix + rest
    raise CheckpointError(f"parameter {name!r} is not one of the released SALI network")
