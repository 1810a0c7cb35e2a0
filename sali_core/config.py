"""Configuration of the network and its memory: frozen values and the named profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sali_core.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ModelConfig:
    """The `paper` topology (network.md): one backbone, then 32 channels at strides 8, 16, 32.

    Attributes:
        backbone: Name of any timm model with features at strides 8, 16 and 32.
        backbone_options: Further keyword arguments of `timm.create_model`, as (name, value) pairs.
        mean: Mean of the input in [0, 1], per RGB channel.
        std: Standard deviation of the input in [0, 1], per RGB channel.
        input_size: Height and width of the network's input in pixels; a multiple of 32.
        channels: Channels of every scale behind the receptive-field blocks.
        key_channels: Ck, channels of memory keys.
        value_channels: Cv, channels of memory values.
        pool: Pooling factor of the short-term attention's keys and values (Eq. 2).
    """

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
        if self.input_size % 32 or self.input_size <= 0:
            raise ConfigError(
                f"input_size must be a positive multiple of 32, got {self.input_size}"
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
    """How the memory bank of one stream grows (network.md, LIM, item 4)."""

    capacity_frames: int = 35
    write_every_frames: int = 5

    def __post_init__(self) -> None:
        if self.capacity_frames < 1 or self.write_every_frames < 1:
            raise ConfigError("memory: capacity_frames and write_every_frames must be at least 1")


PROFILES: dict[str, ModelConfig] = {
    "paper": ModelConfig(),
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
