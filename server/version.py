"""The version of the service."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed_version() -> str:
    """Return what the package manager knows; a plain checkout has no version."""
    try:
        return version("sali-live")
    except PackageNotFoundError:
        return "not installed"


VERSION = _installed_version()
