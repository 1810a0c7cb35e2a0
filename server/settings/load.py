"""Reads the settings from file and environment, and refuses what cannot be meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from server.errors import ConfigurationError
from server.settings.file import CONFIG_VARIABLE, find_config_file, read_config_file
from server.settings.tree import ENV_DELIMITER, ENV_PREFIX, Settings, known_variables

_UNKNOWN = "extra_forbidden"


@dataclass(frozen=True)
class _Layers:
    """Values by where they come from; a later layer goes before an earlier one."""

    path: Path | None
    file: dict[str, Any]
    environment: dict[str, Any]
    command_line: dict[str, Any]

    def origin(self, location: tuple[str, ...]) -> str:
        """Tell where a setting's value comes from."""
        if _holds(self.command_line, location):
            return "command line"
        if _holds(self.environment, location):
            return variable_of(location)
        if _holds(self.file, location):
            return str(self.path)
        return "default"


def load_settings(config: Path | None = None, **chosen: Any) -> Settings:
    """Read the settings: `chosen` values go before the environment, that before the file.

    Args:
        config: The configuration file; else that of `SALI_CONFIG`, else /etc/sali/sali.yaml if it
            is there.
        chosen: Values of the command line by field name; groups as nested dictionaries.

    Raises:
        ConfigurationError: A value or a name cannot be used; names where it stands, never a secret.
    """
    return _load(config, chosen)


def load_with_origins(config: Path | None = None) -> tuple[Settings, dict[str, str]]:
    """Read the settings, and tell for each by its dotted name where its value comes from.

    Raises:
        ConfigurationError: As `load_settings`.
    """
    settings = _load(config, {})
    names = [".".join(path) for path in setting_paths()]
    return settings, {name: settings.origin_of(name) for name in names}


def setting_paths(model: type[BaseModel] = Settings) -> list[tuple[str, ...]]:
    """List the settings, each as the names that lead to it."""
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [(name, *rest) for rest in setting_paths(field.annotation)]
        else:
            found.append((name,))
    return found


def variable_of(location: tuple[str, ...]) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + ENV_DELIMITER.join(location).upper()


def _load(config: Path | None, chosen: dict[str, Any]) -> Settings:
    """Lay the layers over each other and check the result; it knows where its values come from."""
    refuse_unknown_variables(os.environ)
    path = find_config_file(os.environ, config)
    file = read_config_file(path) if path is not None else {}
    try:
        environment = EnvSettingsSource(Settings)()
    except SettingsError as exc:
        raise ConfigurationError(f"the environment cannot be read: {exc}") from exc
    layers = _Layers(path, file, environment, chosen)
    try:
        settings = Settings(**_laid_over(file, environment, chosen))
    except ValidationError as exc:
        raise ConfigurationError(_fault(exc, layers)) from exc
    origins = {".".join(path): layers.origin(path) for path in setting_paths()}
    settings.note_origins({name: origin for name, origin in origins.items() if origin != "default"})
    return settings


def _laid_over(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge groups name by name; of other values the last one counts."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            below = merged.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[name] = _laid_over(below, value)
            else:
                merged[name] = value
    return merged


def _fault(error: ValidationError, layers: _Layers) -> str:
    """Say in one line what is wrong, and where."""
    first = error.errors(include_input=False, include_url=False)[0]
    location = tuple(str(part) for part in first["loc"])
    origin = layers.origin(location)
    place = variable_of(location)
    if layers.path is not None and origin == str(layers.path):
        place = f"{layers.path}: {'.'.join(location)}"
    if first["type"] == _UNKNOWN:
        return f"{place}: there is no such setting; see docs/configuration.md"
    return f"{place}: {first['msg']}"


def _holds(values: Mapping[str, Any], location: tuple[str, ...]) -> bool:
    """Whether nested values say something about a setting, or about a part of it."""
    held: Any = values
    for name in location:
        if not isinstance(held, Mapping):
            return True
        if name not in held:
            return False
        held = held[name]
    return True


def region_for(settings: Settings, source_kind: str) -> str:
    """Return the region of a session that chose none.

    A program that pushes pictures knows what is in them, and would get no masks while the picture
    is looked for: it gets the whole unless the operator chose something.
    """
    is_chosen = "region" in settings.model_fields_set
    return "full" if source_kind == "frames" and not is_chosen else settings.region


def is_view_checked(settings: Settings, source_kind: str) -> bool:
    """Return whether a session looks at what its pictures show.

    As with the region, a program that pushes pictures is trusted to know what is in them unless
    the operator chose otherwise.
    """
    is_chosen = "is_checked" in settings.view.model_fields_set
    return settings.view.is_checked and (source_kind != "frames" or is_chosen)


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt `SALI_` variable, which would else pass in silence.

    Raises:
        ConfigurationError: A variable starts with the prefix and names no setting.
    """
    known = {*known_variables(), CONFIG_VARIABLE}
    groups = set(Settings.model_fields)
    for variable in environment:
        upper = variable.upper()
        if not upper.startswith(ENV_PREFIX) or upper in known:
            continue
        if upper.removeprefix(ENV_PREFIX).lower() in groups:
            continue
        raise ConfigurationError(
            f"unknown environment variable {variable}; see docs/configuration.md"
        )


def refuse_open_listening(settings: Settings) -> None:
    """Refuse to let other machines in without a token.

    Raises:
        ConfigurationError: The address is not a loopback one, or other names are known for a
            proxy's sake, and no token is set.
    """
    if settings.auth.token is not None:
        return
    if not settings.listen.is_loopback:
        raise ConfigurationError(
            f"listening on {settings.listen.host} lets other machines in: set SALI_AUTH__TOKEN, "
            "or listen on 127.0.0.1"
        )
    if settings.listen.names:
        raise ConfigurationError(
            "SALI_LISTEN__NAMES lets other machines in through a proxy: set SALI_AUTH__TOKEN"
        )
