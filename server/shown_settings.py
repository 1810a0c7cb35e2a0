"""The values of settings as people may see them: without tokens, passwords and logins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from server.media.push_target import parse_push
from server.media.source import parse_source
from server.settings import Settings


def shown_value(settings: Settings, name: str) -> Any:
    """Return a setting, by its dotted name, as JSON has it; a secret tells only that it is set."""
    found: Any = settings
    for part in name.split("."):
        found = getattr(found, part)
    if isinstance(found, SecretStr):
        return "(set)"
    if isinstance(found, tuple):
        # `mode="json"` writes secrets within as stars.
        return [
            item.model_dump(mode="json") if isinstance(item, BaseModel) else _shown(name, item)
            for item in found
        ]
    return str(found) if isinstance(found, Path) else found


def shown_text(settings: Settings, name: str) -> str:
    """Return a setting as the interface writes it."""
    value = shown_value(settings, name)
    return value if isinstance(value, str) else json.dumps(value)


def _shown(name: str, item: str) -> str:
    """Return an item of a list without a login that may be in it."""
    if name == "sources":
        return parse_source(item).label if "://" in item else item
    return parse_push(item, "burned").label if name == "push.urls" else item
