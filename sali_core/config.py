"""Configuration of the network and its memory: frozen values and the named profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sali_core.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

TOPOLOGIES = ("paper", "released")
ABLATIONS = ("full", "without_sam", "without_lim", "without_sam_lim", "without_ma", "without_fa")
# The coarsest map is pooled by 8 without padding in the released network.
_RELEASED_MIN_SIZE = 225


@dataclass(frozen=True)
class ModelConfig:
    """A network: one backbone, then 32 channels at strides 8, 16, 32.

    Attributes:
        topology: `paper` (MICCAI 2024) or `released` (what the authors' code computes).
        ablation: `full`, or what the paper's Table 2 leaves out: `without_sam` (F_short is f_t),
            `without_lim` (the decoder gets F_short), `without_sam_lim`, `without_ma` (memory keys
            unmasked), `without_fa` (f_{t-1} is not aligned). Only of `paper`.
        backbone: Name of any timm model with features at strides 8, 16 and 32.
        backbone_options: Further keyword arguments of `timm.create_model`, as (name, value) pairs.
        mean: Mean of the input in [0, 1], per RGB channel.
        std: Standard deviation of the input in [0, 1], per RGB channel.
        input_size: Height and width of the network's input in pixels.
        channels: Channels of every scale behind the receptive-field blocks.
        key_channels: Ck, channels of memory keys.
        value_channels: Cv, channels of memory values.
        pool: Pooling factor of the short-term attention's keys and values (Eq. 2).
    """

    topology: str = "paper"
    ablation: str = "full"
    backbone: str = "pvt_v2_b5"
    backbone_options: tuple[tuple[str, str], ...] = ()
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    input_size: int = 352
    channels: int = 32
    key_channels: int = 8
    value_channels: int = 16
    pool: int = 4

    def __post_init__(self) -> None:
        if self.topology not in TOPOLOGIES:
            raise ConfigError(f"topology {self.topology!r}; there are: {', '.join(TOPOLOGIES)}")
        if self.ablation not in ABLATIONS:
            raise ConfigError(f"ablation {self.ablation!r}; there are: {', '.join(ABLATIONS)}")
        if self.topology == "released" and self.ablation != "full":
            raise ConfigError("ablations are of the paper's network; `released` has none")
        smallest = _RELEASED_MIN_SIZE if self.topology == "released" else 32
        if self.input_size < smallest:
            raise ConfigError(f"input_size must be at least {smallest}, got {self.input_size}")
        if 2 * self.value_channels != self.channels:
            raise ConfigError(
                "value_channels must be half of channels: the decoder reads concat(readout, V)"
            )

    @property
    def uses_sam(self) -> bool:
        """Whether the short-term alignment module is there."""
        return self.ablation not in ("without_sam", "without_sam_lim")

    @property
    def uses_lim(self) -> bool:
        """Whether the long-term interaction module, and with it a memory bank, is there."""
        return self.ablation not in ("without_lim", "without_sam_lim")

    @property
    def aligns_features(self) -> bool:
        """Whether the predecessor's features are aligned by deformable convolution (Eq. 1)."""
        return self.ablation != "without_fa"

    @property
    def masks_keys(self) -> bool:
        """Whether memory keys are multiplied by the predicted masks (masked attention, Eq. 3)."""
        return self.topology == "paper" and self.ablation != "without_ma"

    @property
    def top_tokens(self) -> int | None:
        """Memory tokens each query cell reads; None for all of them."""
        return 20 if self.topology == "released" else None

    def difference(self, other: ModelConfig) -> str:
        """Name what differs, as `ablation 'full', not 'without_sam'; ...`; empty if nothing."""
        mine, theirs = self.to_dict(), other.to_dict()
        return "; ".join(
            f"{name} {mine[name]!r}, not {theirs[name]!r}"
            for name in mine
            if mine[name] != theirs[name]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Build from JSON values.

        Raises:
            ConfigError: A name is unknown.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"unknown model settings: {', '.join(unknown)}")
        return cls(**{name: _frozen(value) for name, value in values.items()})


@dataclass(frozen=True)
class MemoryConfig:
    """How the memory bank of one stream grows (docs/network.md, memory).

    Attributes:
        capacity_frames: Most frames held.
        write_every_frames: A frame enters every so many; the first always.
        soft_masks: Remember a frame by its probabilities instead of its binary mask.
        collapse_below: Cells whose remembered mask is at most this are kept as background. 0 is
            exact; above it, soft masks need fewer tokens at a bounded error (readout.py).
    """

    capacity_frames: int = 35
    write_every_frames: int = 5
    soft_masks: bool = False
    collapse_below: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.collapse_below < 1.0:
            raise ConfigError(
                f"memory: collapse_below must be in [0, 1), got {self.collapse_below}"
            )
        if self.capacity_frames < 1 or self.write_every_frames < 1:
            raise ConfigError("memory: capacity_frames and write_every_frames must be at least 1")


PROFILES: dict[str, ModelConfig] = {
    "paper": ModelConfig(),
    "paper-b2": ModelConfig(backbone="pvt_v2_b2"),
    "paper-b0": ModelConfig(backbone="pvt_v2_b0"),
    "released": ModelConfig(topology="released", key_channels=4),
    # The MobileNetV2 weights at hand were trained on inputs in [-1, 1] with "same" padding.
    "small": ModelConfig(
        backbone="mobilenetv2_100",
        backbone_options=(("pad_type", "same"),),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
}


def get_profile(name: str) -> ModelConfig:
    """Return the named profile.

    Raises:
        ConfigError: No such profile.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigError(f"unknown profile {name!r}; there are: {', '.join(PROFILES)}") from None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
