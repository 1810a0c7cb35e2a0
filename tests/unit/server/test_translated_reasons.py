"""The web client translates what the server says: each phrase that it knows is really said."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TRANSLATIONS = ROOT / "client_web/src/i18n/serverReasons.ts"


def text_of(node: ast.AST) -> str | None:
    """The text of a string in source code; what is put into it is `{}`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(str(part) for part in parts)
    return None


def said_by_the_server() -> set[str]:
    texts: set[str | None] = set()
    for path in (ROOT / "server").rglob("*.py"):
        texts |= {text_of(node) for node in ast.walk(ast.parse(path.read_text()))}
    return {text for text in texts if text is not None}


def test_every_phrase_that_is_translated_is_one_of_the_servers() -> None:
    phrases = re.findall(r'\{ en: "([^"]+)"', TRANSLATIONS.read_text())
    assert len(phrases) > 40
    assert set(phrases) - said_by_the_server() == set()
