"""Reads the settings from the environment, and refuses what cannot be meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from server.errors import ConfigurationError
from server.settings.tree import ENV_DELIMITER, ENV_PREFIX, Settings, known_variables


def load_settings(**chosen: Any) -> Settings:
    """Read the settings from the environment, with `chosen` values before it.

    Args:
        chosen: Values of the command line by field name; groups as nested dictionaries.

    Raises:
        ConfigurationError: A value or a name cannot be used; names the variable, never a secret.
    """
    refuse_unknown_variables(os.environ)
    try:
        return Settings(**chosen)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = ENV_PREFIX + ENV_DELIMITER.join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}") from exc
    except ValueError as exc:
        raise ConfigurationError(f"the environment cannot be read: {exc}") from exc


def region_for(settings: Settings, source_kind: str) -> str:
    """Return the region of a session that chose none.

    A program that pushes pictures knows what is in them, and would get no masks while the picture
    is looked for: it gets the whole unless the operator chose something.
    """
    is_chosen = "region" in settings.model_fields_set
    return "full" if source_kind == "frames" and not is_chosen else settings.region


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt `SALI_` variable, which would else pass in silence.

    Raises:
        ConfigurationError: A variable starts with the prefix and names no setting.
    """
    known = known_variables()
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
    """Refuse to listen beyond this machine without a token.

    Raises:
        ConfigurationError: The address is not a loopback one and no token is set.
    """
    if settings.listen.is_loopback or settings.auth.token is not None:
        return
    raise ConfigurationError(
        f"listening on {settings.listen.host} lets other machines in: set SALI_AUTH__TOKEN, "
        "or listen on 127.0.0.1"
    )
