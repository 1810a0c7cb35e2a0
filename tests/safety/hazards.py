"""Which test proves which control: docs/safety-tests.md, from the marks on the tests.

    python -m tests.safety.hazards          writes docs/safety-tests.md

A Python test carries `@pytest.mark.hazard("H3")`; a test of the web client names it in its comment,
`// hazard H3`, on the line before. The hazards (H) and the failures of a part (F) are the tables of
docs/safety.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SAFETY = ROOT / "docs" / "safety.md"
TABLE = ROOT / "docs" / "safety-tests.md"

_HAZARD = re.compile(r"^\| ([HF]\d+) \| ([^|]+) \|", re.MULTILINE)
_WEB_MARK = re.compile(
    r"// hazard ((?:[HF]\d+(?:, )?)+)\n\s*it(?:\.each\(\s*.*?\s*\))?\(\s*\"([^\"]+)\"", re.DOTALL
)
_INTRODUCTION = """# Which test proves which control

Written by `python -m tests.safety.hazards` from the marks on the tests; do not edit. The hazards
(H) with their controls and what happens when a part fails (F) are in [safety.md](safety.md). Tests
under `tests/e2e` run with `make e2e` and `make e2e-long`, those under `client_web` with
`make test-web`, the others with `make test-python`.
"""


class MarkedTest(NamedTuple):
    """A test that proves a control."""

    hazard: str
    path: str
    name: str


def hazards() -> dict[str, str]:
    """Return the hazards and the failures of docs/safety.md by id."""
    return dict(_HAZARD.findall(SAFETY.read_text()))


@cache
def marked_tests() -> tuple[MarkedTest, ...]:
    """Return every marked test of both kinds."""
    found = [*_python_tests(), *_web_tests()]
    return tuple(sorted(found, key=lambda test: (test.path, test.name)))


def to_markdown() -> str:
    """Return the page."""
    tests = marked_tests()
    lines = [_INTRODUCTION]
    for hazard, title in hazards().items():
        lines.append(f"## {hazard}: {title}\n")
        lines += [f"- `{t.path}`: {t.name}" for t in tests if t.hazard == hazard]
        lines.append("")
    return "\n".join(lines)


def _python_tests() -> Iterator[MarkedTest]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for hazard in _marks(node):
                name = node.name.removeprefix("test_").replace("_", " ")
                yield MarkedTest(hazard, str(path.relative_to(ROOT)), name)


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        is_mark = isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
            "mark.hazard"
        )
        if is_mark and isinstance(decorator, ast.Call):
            for argument in decorator.args:
                yield ast.literal_eval(argument)


def _web_tests() -> Iterator[MarkedTest]:
    for path in sorted((ROOT / "client_web" / "src").rglob("*.test.ts")):
        for names, title in _WEB_MARK.findall(path.read_text()):
            for hazard in names.split(", "):
                yield MarkedTest(hazard, str(path.relative_to(ROOT)), title)


if __name__ == "__main__":
    TABLE.write_text(to_markdown())
