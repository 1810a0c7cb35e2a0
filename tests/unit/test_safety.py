"""The safety file keeps step with the tests and with the lock files."""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.safety import hazards, soup


def test_every_hazard_has_a_test_and_every_mark_a_hazard() -> None:
    known = set(hazards.hazards())
    proved = {test.hazard for test in hazards.marked_tests()}
    assert len(known) >= 15
    assert known - proved == set(), "hazards of docs/safety.md without a test"
    assert proved - known == set(), "marks that docs/safety.md does not know"


def test_every_mark_that_is_written_is_found() -> None:
    """A mark in a place that the reader of marks does not look at would prove nothing."""
    written = 0
    for path in (hazards.ROOT / "tests").rglob("test_*.py"):
        written += len(re.findall(r"^@pytest\.mark\.hazard\(", path.read_text(), re.MULTILINE))
    for path in (hazards.ROOT / "client_web" / "src").rglob("*.test.ts"):
        written += len(re.findall(r"// hazard [HF]", path.read_text()))
    assert written == len({(t.path, t.name) for t in hazards.marked_tests()})


def test_the_table_of_tests_is_up_to_date() -> None:
    assert hazards.TABLE.read_text() == hazards.to_markdown(), "python -m tests.safety.hazards"


def test_the_list_of_libraries_is_that_of_the_lock_files() -> None:
    listed = re.findall(r"^\| ([\w@/.-]+) \| ([\w.,+ ]+) \|", soup.PAGE.read_text(), re.MULTILINE)
    packages = [*soup.python_packages(), *soup.web_packages()]
    wanted = [(package.name, package.version) for package in packages]
    assert sorted(listed) == sorted([("name", "version")] * (len(listed) - len(wanted)) + wanted), (
        "python -m tests.safety.soup"
    )


def test_every_library_that_we_ask_for_says_what_for() -> None:
    text = (soup.ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    wanted = {canonicalize_name(Requirement(line).name) for line in re.findall(r'"(.+)"', block[1])}
    assert wanted == set(soup.PURPOSES)
