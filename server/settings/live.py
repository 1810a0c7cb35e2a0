"""The settings that hold now, while some of them may change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from server.settings.applies import Applies, applies_of
from server.settings.load import setting_paths
from server.settings.tree import Settings

_Group = TypeVar("_Group", bound=BaseModel)


@dataclass(frozen=True)
class SettingsChange:
    """What became of settings that were read again, by dotted names: never a value."""

    applied: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    """Differ from what holds, and need a restart."""


class LiveSettings:
    """Sole owner of the settings that hold. Used from one event loop.

    Whoever keeps a value keeps it as it was; whoever asks `current` each time gets the newest.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with the settings of the start."""
        self._current = settings
        self._waiting: tuple[str, ...] = ()
        self._listeners: list[Callable[[Settings], None]] = []

    @property
    def current(self) -> Settings:
        """The settings that hold."""
        return self._current

    @property
    def waiting(self) -> tuple[str, ...]:
        """Settings that were found changed and need a restart, by dotted names."""
        return self._waiting

    def add_listener(self, listener: Callable[[Settings], None]) -> None:
        """Call `listener` with the settings whenever some of them have changed."""
        self._listeners.append(listener)

    def preview(self, wanted: Settings) -> Settings:
        """Return what would hold if `wanted` was taken: of it what needs no restart."""
        merged = _merged(self._current, wanted, ())
        merged.note_origins(
            {
                name: (
                    wanted if applies_of(path) is not Applies.RESTART else self._current
                ).origin_of(name)
                for path, name in _names()
            }
        )
        return merged

    def take(self, wanted: Settings) -> SettingsChange:
        """Let hold of `wanted` what needs no restart, and tell what changed."""
        before, after = self._current, self.preview(wanted)
        applied = tuple(n for path, n in _names() if _value(before, path) != _value(after, path))
        self._waiting = tuple(
            n for path, n in _names() if _value(after, path) != _value(wanted, path)
        )
        self._current = after
        if applied:
            for listener in self._listeners:
                listener(after)
        return SettingsChange(applied, self._waiting)


def _names() -> list[tuple[tuple[str, ...], str]]:
    return [(path, ".".join(path)) for path in setting_paths()]


def _value(settings: Settings, path: tuple[str, ...]) -> object:
    found: object = settings
    for name in path:
        found = getattr(found, name)
    return found


def _merged(current: _Group, wanted: _Group, above: tuple[str, ...]) -> _Group:
    """Take from `wanted` what needs no restart, and whether it was chosen or is a default."""
    values: dict[str, object] = {}
    chosen: set[str] = set()
    for name in type(current).model_fields:
        path, mine, theirs = (*above, name), getattr(current, name), getattr(wanted, name)
        source = current if applies_of(path) is Applies.RESTART else wanted
        if isinstance(mine, BaseModel):
            values[name] = _merged(mine, theirs, path)
        else:
            values[name] = getattr(source, name)
        if name in source.model_fields_set:
            chosen.add(name)
    return type(current).model_construct(_fields_set=chosen, **values)
