from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sali_core.errors import ConfigError
from sali_core.training.settings_table import read_table


@dataclass(frozen=True)
class _Inner:
    share: float = 0.5


@dataclass(frozen=True)
class _Outer:
    count: int = 1
    rate: float = 0.1
    name: str = ""
    is_on: bool = False
    epochs: float | None = None
    pair: tuple[float, float] = (0.0, 0.0)
    inner: _Inner = field(default_factory=_Inner)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ConfigError("count must be at least 0")


def test_a_table_becomes_settings_of_the_right_kinds() -> None:
    table = {"rate": 1, "epochs": 30, "pair": [1, 2], "inner": {"share": 1}, "is_on": True}
    settings = read_table(_Outer, table, "train")
    assert settings == _Outer(rate=1.0, epochs=30.0, pair=(1, 2), inner=_Inner(1.0), is_on=True)
    assert isinstance(settings.rate, float)
    assert isinstance(settings.epochs, float)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"conut": 1}, r"unknown setting 'conut' in \[train\]; did you mean 'count'"),
        ({"zzz": 1}, "there are: count, epochs, inner"),
        ({"inner": {"sharf": 1}}, r"\[train.inner\]; did you mean 'share'"),
        ({"count": 1.5}, "train.count must be a whole number, got 1.5"),
        ({"count": True}, "train.count must be a whole number"),
        ({"rate": "fast"}, "train.rate must be a number"),
        ({"name": 3}, "train.name must be a text"),
        ({"is_on": 1}, "train.is_on must be true or false"),
        ({"inner": 3}, "train.inner must be a table"),
        ({"pair": 3}, "train.pair must be a list"),
        ({"count": -1}, r"\[train\] count must be at least 0"),
    ],
)
def test_what_does_not_fit_is_named(table: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        read_table(_Outer, table, "train")
