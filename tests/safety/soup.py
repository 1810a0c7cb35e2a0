"""Software of unknown provenance: docs/soup.md, from the lock files and the packages' metadata.

python -m tests.safety.soup             writes docs/soup.md
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "soup.md"

PURPOSES = {
    "torch": "the network's mathematics, on CPUs and GPUs",
    "torchvision": "deformable convolution",
    "timm": "backbones of the network",
    "numpy": "arrays",
    "scipy": "connected regions, distances, assignment of tracks",
    "safetensors": "reading weights without running code",
    "openvino": "the network on CPUs",
    "fastapi": "HTTP and WebSocket interface",
    "uvicorn": "HTTP server",
    "aiortc": "WebRTC: WHIP and WHEP",
    "av": "decoding and encoding video; its wheels bring FFmpeg, with x264 (GPL)",
    "pydantic": "checking of messages and settings",
    "pydantic-settings": "settings from the environment",
    "typer": "command line",
    "rich": "tables on the command line",
    "structlog": "logs",
    "prometheus-client": "metrics",
    "pyyaml": "configuration files",
    "pillow": "stills, captions in burned pictures",
}
_LONGEST_LICENCE = 60
_INTRODUCTION = """# Software of unknown provenance (SOUP)

What the service and the page are built on and others wrote, in the versions of the lock files.
Written by `python -m tests.safety.soup` from `requirements.lock`, `client_web/package-lock.json`
and the packages' own metadata; do not edit. Licences are what the packages say of themselves.
NVIDIA's libraries come with `torch` for GPUs. Python itself, the operating system and the browser
come with the machine. Test tools are not listed: they are not installed with the service.
"""


class Package(NamedTuple):
    """One row."""

    name: str
    version: str
    licence: str
    purpose: str


def locked() -> dict[str, list[str]]:
    """Return the versions of every package in requirements.lock."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([^\s;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    ):
        found.setdefault(_normal(name), []).append(version)
    return found


def python_packages() -> list[Package]:
    """Return the service's packages, the direct ones first."""
    versions = locked()
    needed_by = _needed_by(set(versions))
    packages = [
        Package(name, ", ".join(numbers), _licence(name), PURPOSES.get(name) or needed_by[name])
        for name, numbers in versions.items()
    ]
    return sorted(packages, key=lambda package: (package.name not in PURPOSES, package.name))


def web_packages() -> list[Package]:
    """Return what is in the page's bundle; none if it is all our own."""
    lock = json.loads((ROOT / "client_web" / "package-lock.json").read_text())["packages"]
    return [
        Package(path.removeprefix("node_modules/"), entry["version"], entry["license"], "the page")
        for path, entry in sorted(lock.items())
        if path and not entry.get("dev")
    ]


def to_markdown() -> str:
    """Return the page."""
    lines = [_INTRODUCTION, "## The service", ""]
    lines += _table(python_packages())
    lines += ["", "## The page", ""]
    web = web_packages()
    lines += (
        _table(web) if web else ["Nothing: the page's bundle holds the project's own code only."]
    )
    return "\n".join(lines) + "\n"


def _table(packages: list[Package]) -> list[str]:
    rows = [f"| {p.name} | {p.version} | {p.licence} | {p.purpose} |" for p in packages]
    return ["| name | version | licence | what for |", "|---|---|---|---|", *rows]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(name: str) -> str:
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "of another platform"
    told = facts.get("License-Expression") or ""
    classified = [
        line.rsplit(" :: ", 1)[-1]
        for line in facts.get_all("Classifier") or []
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    free = (facts.get("License") or "").strip().splitlines()
    short = free[0] if free and len(free[0]) <= _LONGEST_LICENCE else ""
    return told or ", ".join(classified) or short or "see the package"


def _needed_by(names: set[str]) -> dict[str, str]:
    """Say of each package which others ask for it."""
    askers: dict[str, set[str]] = {name: set() for name in names}
    by_choice: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for line in requires:
            requirement = Requirement(line)
            asked = _normal(requirement.name)
            if asked in names and asked != name:
                is_extra = "extra ==" in str(requirement.marker or "")
                (by_choice if is_extra else askers)[asked].add(name)
    return {
        name: "needed by " + ", ".join(sorted(askers[name] or by_choice[name])) for name in names
    }


if __name__ == "__main__":
    PAGE.write_text(to_markdown())
