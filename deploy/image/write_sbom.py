"""Write the image's bill of materials (CycloneDX 1.6, JSON) to stdout.

    write_sbom.py PACKAGE_LOCK_JSON LAYERS_FOLDER

Lists the Debian packages of the base, the Python packages of the layers, and what of npm is
built into the viewer.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

Component = dict[str, str]


def component(kind: str, name: str, version: str) -> Component:
    """Return one entry; `kind` is the package URL's type."""
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:{kind}/{name}@{version}",
    }


def debian_packages() -> Iterator[Component]:
    """List the base image's packages."""
    query = shutil.which("dpkg-query")
    if query is None:
        return
    listing = subprocess.run(  # noqa: S603 - a fixed command
        [query, "-W", "-f=${Package} ${Version}\n"], check=True, capture_output=True, text=True
    )
    for line in listing.stdout.splitlines():
        name, version = line.split(" ", 1)
        yield component("deb/debian", name, version)


def python_packages(layers: Path) -> Iterator[Component]:
    """List what is installed in the layers of a virtual environment."""
    folders = [str(folder) for folder in layers.glob("*/opt/*/lib/python3*/site-packages")]
    for distribution in distributions(path=folders):
        yield component("pypi", distribution.metadata["Name"].lower(), distribution.version)


def viewer_packages(lock: Path) -> Iterator[Component]:
    """List the npm packages that are part of the viewer, not only of its making."""
    for path, entry in json.loads(lock.read_text())["packages"].items():
        if path and not entry.get("dev"):
            yield component("npm", path.rpartition("node_modules/")[2], entry["version"])


def main(lock: Path, layers: Path) -> None:
    """Write the whole list, sorted."""
    listed = [*debian_packages(), *python_packages(layers), *viewer_packages(lock)]
    unique = {entry["purl"]: entry for entry in listed}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "sali-live"}},
        "components": [unique[purl] for purl in sorted(unique)],
    }
    json.dump(bill, sys.stdout, indent=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
