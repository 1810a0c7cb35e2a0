"""`python -m server.api_documents FOLDER`: write the descriptions of the interface.

`openapi.json` is what a service answers at /v1/openapi.json, `asyncapi.json` what it answers at
/v1/asyncapi.json, both without anything of one installation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from server.app import create_app
from server.http.asyncapi import asyncapi_document
from server.settings import default_settings


def api_documents() -> dict[str, dict[str, Any]]:
    """Return the documents by their file names."""
    return {
        "openapi.json": create_app(default_settings()).openapi(),
        "asyncapi.json": asyncapi_document(),
    }


def to_text(document: dict[str, Any]) -> str:
    """Write a document as its file has it."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write the documents."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in api_documents().items():
        (folder / name).write_text(to_text(document))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
