"""Parameter names of other people's files, from ours: prefixes exchanged both ways."""

from __future__ import annotations

from sali_core.errors import CheckpointError

# Theirs, ours (timm's pyramid, `features_only`). Source: the original PVTv2 code and
# timm/models/pvt_v2.py::checkpoint_filter_fn.
PVTV2_PREFIXES: tuple[tuple[str, str], ...] = (
    ("patch_embed1.", "patch_embed."),
    *((f"patch_embed{n}.", f"stages_{n - 1}.downsample.") for n in (2, 3, 4)),
    *((f"block{n}.", f"stages_{n - 1}.blocks.") for n in (1, 2, 3, 4)),
    *((f"norm{n}.", f"stages_{n - 1}.norm.") for n in (1, 2, 3, 4)),
)
_THEIR_DEPTHWISE, _OUR_DEPTHWISE = ".mlp.dwconv.dwconv.", ".mlp.dwconv."


def from_pvtv2(name: str) -> str:
    """Map a parameter name of the original PVTv2 files to timm's pyramid.

    Raises:
        CheckpointError: It is no such name.
    """
    for theirs, ours in PVTV2_PREFIXES:
        if name.startswith(theirs):
            rest = name.removeprefix(theirs)
            return (ours + rest).replace(_THEIR_DEPTHWISE, _OUR_DEPTHWISE)
    raise CheckpointError(f"parameter {name!r} is not one of the original PVTv2")


def to_pvtv2(name: str) -> str:
    """Map a parameter name of timm's PVTv2 pyramid to the original files' name."""
    for theirs, ours in PVTV2_PREFIXES:
        if name.startswith(ours):
            rest = name.removeprefix(ours)
            return (theirs + rest).replace(_OUR_DEPTHWISE, _THEIR_DEPTHWISE)
    return name
