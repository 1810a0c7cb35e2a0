"""Names of the authors' checkpoint, mapped to ours and back."""

from __future__ import annotations

from torch import Tensor

from sali_core.errors import CheckpointError
from sali_core.weights.naming import from_pvtv2, to_pvtv2

_THEIR_BACKBONE, _OUR_BACKBONE = "backbone.feat_net.pvtv2_en.", "encoder.backbone.net."
# Theirs, ours.
PREFIXES: tuple[tuple[str, str], ...] = (
    *((f"backbone.feat_net.rfb{n}_1.", f"encoder.rfb.{n - 2}.") for n in (2, 3, 4)),
    ("backbone.decoder.NCD.", "decoder.partial."),
    *((f"backbone.decoder.RS{n}.", f"decoder.reverse{n}.") for n in (3, 4, 5)),
    *((f"membranch.Key{n}.", f"key.{n}.") for n in (0, 1, 2)),
    *((f"membranch.Value{n}.", f"value.{n}.") for n in (0, 1, 2)),
    ("pcd_align.", "alignment."),
    *((f"nlnet.nl_layer{n}.", f"fusion.blocks.{n - 1}.") for n in (1, 2, 3)),
    *((f"nlnet.conv{n}.", f"fusion.convs.{n - 1}.") for n in (1, 2, 3)),
)


def is_released(state: dict[str, Tensor]) -> bool:
    """Tell whether a state dict has the authors' names."""
    return any(name.removeprefix("module.").startswith("membranch.") for name in state)


def from_released(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the authors' parameters (with or without `module.`) to ours.

    Raises:
        CheckpointError: A name has no counterpart; the text names it.
    """
    return {_to_ours(name.removeprefix("module.")): value for name, value in state.items()}


def to_released(name: str) -> str:
    """Map a parameter name of our `ReleasedNetwork` to the authors'."""
    if name.startswith(_OUR_BACKBONE):
        return _THEIR_BACKBONE + to_pvtv2(name.removeprefix(_OUR_BACKBONE))
    for theirs, ours in PREFIXES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def released_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the backbone's part of the authors' checkpoint, in the original PVTv2's names."""
    return {
        name.removeprefix(_THEIR_BACKBONE): value
        for name, value in state.items()
        if name.startswith(_THEIR_BACKBONE)
    }


def _to_ours(name: str) -> str:
    if name.startswith(_THEIR_BACKBONE):
        return _OUR_BACKBONE + from_pvtv2(name.removeprefix(_THEIR_BACKBONE))
    for theirs, ours in PREFIXES:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    raise CheckpointError(f"parameter {name!r} is not one of the released SALI network")
