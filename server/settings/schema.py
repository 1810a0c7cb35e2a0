"""What there is to set, for programs and for people."""

from __future__ import annotations

from typing import Any

from server.settings.applies import applies_of
from server.settings.load import setting_paths
from server.settings.tree import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration file."""
    described = Settings.model_json_schema()
    for group in (described, *described["$defs"].values()):
        for field in group["properties"].values():
            # Of a whole group, said by its fields already; of a path, one of this machine.
            if "$ref" in field or field.get("format") == "path":
                field.pop("default", None)
    for path in setting_paths():
        _field(described, path)["x-applies"] = applies_of(path).value
    return {
        "$schema": _DIALECT,
        **described,
        "title": "SALI Live",
        "description": "Configuration of SALI Live, which is not a medical device.",
    }


def _field(described: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return what the schema says of one setting."""
    found = described
    for name in path:
        group = found.get("$ref", "").rpartition("/")[2]
        found = (described["$defs"][group] if group else found)["properties"][name]
    return found


def default_settings() -> Settings:
    """Return the settings of a machine on which nothing was chosen."""
    return Settings.model_construct(
        **{name: field.get_default() for name, field in Settings.model_fields.items()}
    )
