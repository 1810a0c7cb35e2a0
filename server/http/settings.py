"""`/v1/settings`: what the service runs with and where each value comes from, without secrets."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from server.http.services import ServicesOf
from server.settings import Applies, applies_of, known_variables, setting_paths, variable_of
from server.shown_settings import shown_text

router = APIRouter(prefix="/v1/settings", tags=["configuration"])


class SettingView(BaseModel):
    """One setting. `origin`: `default`, `command line`, the variable, or the file it stands in.

    `applies`: when a change of it takes effect; `is_waiting`: it was changed and needs a restart.
    """

    name: str
    variable: str
    value: str
    origin: str
    description: str
    applies: Applies
    is_waiting: bool


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
        shown.append(
            SettingView(
                name=name,
                variable=variable,
                value=shown_text(settings, name),
                origin=settings.origin_of(name),
                description=descriptions[variable].replace("`", ""),
                applies=applies_of(path),
                is_waiting=name in services.live.waiting,
            )
        )
    return SettingList(settings=shown)


class ReloadView(BaseModel):
    """What changed, by names: what holds from now on, and what needs a restart."""

    applied: list[str]
    needs_restart: list[str]


@router.post("/reload")
async def reload_settings(services: ServicesOf) -> ReloadView:
    """Read file and environment again, as SIGHUP does; 422 leaves the settings as they are."""
    change = await services.reload.reload("interface")
    return ReloadView(applied=list(change.applied), needs_restart=list(change.waiting))
