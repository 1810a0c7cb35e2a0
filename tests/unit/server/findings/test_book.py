from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.errors import FindingNotFoundError, StillNotReadyError
from server.findings.book import FindingBook, Still
from server.masks.finding import Finding, StillFacts
from server.masks.message import RunLengths
from tests.unit.server.findings.conftest import Told

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = StillFacts(
    pts=7200,
    picture_size=(480, 640),
    source_size=(480, 640),
    region=(0, 0, 640, 480),
    box=(1.0, 2.0, 3.0, 4.0),
    rle=RunLengths(size=(352, 352), counts="0"),
)


def add(book: FindingBook, track: int = 1) -> Finding:
    return book.add(
        track=track, first_seen_pts=0, first_seen_at=NOW, last_seen_pts=3600, last_seen_at=NOW,
        seen_ms=160, largest_share=0.1, score=0.9,
    )  # fmt: skip


def test_a_review_changes_what_it_names_and_is_told() -> None:
    told = Told()
    book = FindingBook(10, told.changed, told.gone)
    add(book)
    assert book.review("f1", "accepted", None).status == "accepted"
    assert book.review("f1", None, "flat, 5 mm").status == "accepted"
    finding = book.review("f1", "open", None)
    assert (finding.status, finding.note, finding.revision) == ("open", "flat, 5 mm", 4)
    assert [change.revision for change in told.findings] == [1, 2, 3, 4]


def test_a_picture_is_kept_beside_its_facts() -> None:
    told = Told()
    book = FindingBook(10, told.changed, told.gone)
    add(book)
    with pytest.raises(StillNotReadyError):
        book.still("f1")
    book.keep_still("f1", Still(b"jpeg", FACTS))
    assert book.still("f1") == b"jpeg"
    assert told.findings[-1].still == FACTS


def test_what_is_not_there_is_said() -> None:
    told = Told()
    book = FindingBook(10, told.changed, told.gone)
    with pytest.raises(FindingNotFoundError):
        book.still("f1")
    with pytest.raises(FindingNotFoundError):
        book.review("f1", "accepted", None)


def test_after_a_clear_nothing_is_left_and_late_pictures_are_thrown_away() -> None:
    told = Told()
    book = FindingBook(10, told.changed, told.gone)
    add(book)
    add(book, 2)
    book.clear()
    assert told.removed == ["f1", "f2"]
    changes = len(told.findings)
    book.keep_still("f1", Still(b"jpeg", FACTS))
    book.change("f1", seen_ms=9)
    assert book.findings == []
    assert len(told.findings) == changes
    assert add(book).id == "f3"
    with pytest.raises(StillNotReadyError):
        book.still("f3")


def test_a_full_book_displaces_the_oldest_that_nobody_accepted() -> None:
    told = Told()
    book = FindingBook(3, told.changed, told.gone)
    for track in range(3):
        add(book, track)
    book.review("f1", "accepted", None)
    add(book)
    assert told.removed == ["f2"]
    for finding_id in ("f3", "f4"):
        book.review(finding_id, "accepted", None)
    add(book)
    assert told.removed == ["f2", "f1"]
    assert [finding.id for finding in book.findings] == ["f3", "f4", "f5"]
