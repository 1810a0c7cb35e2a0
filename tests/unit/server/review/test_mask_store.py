from __future__ import annotations

import json

import pytest

from server.masks.message import MaskMessage, RunLengths
from server.review.mask_store import MaskStore
from server.review.spool import Spool


def mask(pts: int) -> MaskMessage:
    return MaskMessage(
        sequence=pts,
        pts=pts,
        captured_at_ns=0,
        age_ms=0,
        source_size=(2, 2),
        region=(0, 0, 2, 2),
        rle=RunLengths(size=(2, 2), counts="4"),
        polyps=(),
        ai_state="active",
        latency_p95_ms=None,
    )


@pytest.mark.parametrize(
    ("from_pts", "to_pts", "expected"),
    [(0, 10, [0, 5]), (5, 11, [5, 10]), (6, 10, []), (10, 99, [10]), (11, 99, [])],
)
def test_masks_are_read_by_time(
    spool: Spool, from_pts: int, to_pts: int, expected: list[int]
) -> None:
    store = MaskStore(spool)
    for pts in (0, 5, 10):
        store.append(mask(pts))
    read = json.loads(store.read(from_pts, to_pts))
    assert [entry["pts"] for entry in read] == expected
    assert all(MaskMessage.model_validate(entry).rle.counts == "4" for entry in read)
