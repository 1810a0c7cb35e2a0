"""Links of the documentation lead somewhere, and every page can be reached from its index."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
INDEX = REPOSITORY / "docs/README.md"
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("sali_core/**/*.md"),
    ]
)

_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)


@cache
def text_of(page: Path) -> str:
    """A page without its code blocks, which hold no links."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """What a page links to within the project."""
    found = _LINK.findall(_CODE.sub("", text_of(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings: small letters, hyphens, no other signs."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(text_of(page))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(REPOSITORY), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_page_is_reached_from_the_index() -> None:
    listed = {(INDEX.parent / target.partition("#")[0]).resolve() for target in links(INDEX)}
    assert set(REPOSITORY.glob("docs/**/*.md")) - {INDEX} <= listed


def test_the_front_page_leads_to_the_index() -> None:
    assert "docs/README.md" in links(REPOSITORY / "README.md")


def test_every_example_is_told_of() -> None:
    everywhere = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert set((REPOSITORY / "docs/examples").iterdir()) <= everywhere


def test_every_make_target_that_is_told_of_exists() -> None:
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    )
    for page in PAGES:
        for told in re.findall(r"`make ([a-z0-9-]+)", page.read_text()):
            assert told in targets, f"{page.name}: make {told}"
