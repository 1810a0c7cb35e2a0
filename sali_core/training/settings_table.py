"""Turns tables of a TOML file into frozen settings; refuses unknown names and wrong kinds."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from sali_core.errors import ConfigError

_Settings = TypeVar("_Settings")


def read_table(cls: type[_Settings], table: Mapping[str, Any], where: str) -> _Settings:
    """Build frozen settings from a table.

    Args:
        cls: A dataclass whose fields are numbers, strings, booleans, tuples, optional ones of
            these, or dataclasses of the same kind.
        table: Values by name; names left out keep their defaults.
        where: Name of the table, for errors.

    Raises:
        ConfigError: A name is unknown (the nearest known one is named), a value is of another
            kind, or `cls` refuses it.
    """
    check_names(table, (field.name for field in fields(cls)), where)  # type: ignore[arg-type]  # a dataclass, by contract
    hints = typing.get_type_hints(cls)
    values = {name: _fit(value, hints[name], f"{where}.{name}") for name, value in table.items()}
    try:
        return cls(**values)
    except ConfigError as exc:
        raise ConfigError(f"[{where}] {exc}") from None


def check_names(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse names that are not known.

    Raises:
        ConfigError: The text has the nearest known name, or all of them where none is near.
    """
    names = sorted(known)
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.5)
            cure = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
            raise ConfigError(f"unknown setting {name!r} in [{where}]; {cure}")


def _fit(value: Any, hint: Any, where: str) -> Any:
    """Return the value as the kind that is wanted."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        arms = [arm for arm in typing.get_args(hint) if arm is not types.NoneType]
        return None if value is None else _fit(value, arms[0], where)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return read_table(hint, value, where)
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    kind = wanted.get(hint, "a table" if is_dataclass(hint) else "a list")
    raise ConfigError(f"{where} must be {kind}, got {value!r}")
