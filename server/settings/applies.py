"""When a change of a setting takes effect in a service that runs."""

from __future__ import annotations

from enum import StrEnum


class Applies(StrEnum):
    """The values are those of the schema, the interface and docs/configuration.md."""

    AT_ONCE = "at once"
    NEW_SESSIONS = "new sessions"
    RESTART = "restart"


_AT_ONCE = frozenset(
    {
        ("auth", "token"),
        ("ice_servers",),
        ("listen", "names"),
        ("log", "format"),
        ("log", "level"),
        ("session", "max_sessions"),
    }
)
_NEW_SESSIONS = frozenset(
    {
        ("burn_in",),
        ("connect",),
        ("encoder",),
        ("findings",),
        ("region",),
        ("review",),
        ("session", "max_viewers"),
        ("view",),
    }
)
"""Settings, or whole groups. A session keeps to the end what it was opened with.

The limits of `masks` are left out on purpose: service, worker and viewers hold to one value.
"""


def applies_of(path: tuple[str, ...]) -> Applies:
    """Return when a change of a setting, by the names that lead to it, takes effect."""
    for names, when in ((_AT_ONCE, Applies.AT_ONCE), (_NEW_SESSIONS, Applies.NEW_SESSIONS)):
        if path in names or path[:1] in names:
            return when
    return Applies.RESTART
