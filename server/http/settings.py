"""`/v1/settings`: what the service runs with and where each value comes from, without secrets."""

from __future__ import annotations

import json

from fastapi import APIRouter
from pydantic import BaseModel

from server.http.services import ServicesOf
from server.settings import known_variables, setting_paths, variable_of
from server.shown_settings import shown_value

router = APIRouter(prefix="/v1/settings", tags=["configuration"])


class SettingView(BaseModel):
    """One setting. `origin`: `default`, `command line`, the variable, or the file it stands in."""

    name: str
    variable: str
    value: str
    origin: str
    description: str


class SettingList(BaseModel):
    """All settings, in the order of docs/configuration.md's groups."""

    settings: list[SettingView]


@router.get("")
async def list_settings(services: ServicesOf) -> SettingList:
    """List all settings."""
    settings, descriptions = services.settings, known_variables()
    shown = []
    for path in setting_paths():
        name, variable = ".".join(path), variable_of(path)
        value = shown_value(settings, name)
        shown.append(
            SettingView(
                name=name,
                variable=variable,
                value=value if isinstance(value, str) else json.dumps(value),
                origin=settings.origin_of(name),
                description=descriptions[variable].replace("`", ""),
            )
        )
    return SettingList(settings=shown)
