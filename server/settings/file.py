"""The configuration file: YAML with the names of the settings, below the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from server.errors import ConfigurationError

CONFIG_VARIABLE = "SALI_CONFIG"
"""Names the file; without it `DEFAULT_FILE` is read if it exists."""

DEFAULT_FILE = Path("/etc/sali/sali.yaml")


def find_config_file(environment: Mapping[str, str], named: Path | None) -> Path | None:
    """Return the file to read: the one named, the environment's, the default one; None if none.

    Args:
        environment: Where `SALI_CONFIG` is looked for.
        named: By the command line.
    """
    if named is not None:
        return named
    told = environment.get(CONFIG_VARIABLE, "")
    if told:
        return Path(told)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def read_config_file(path: Path) -> dict[str, Any]:
    """Return the values of a file; an empty one has none.

    Raises:
        ConfigurationError: It cannot be read, is no YAML or is no mapping. No value is told: it
            may be a secret.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"{path}{where}: this is not YAML") from exc
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigurationError(f"{path}: write settings as `name: value`")
    return values
