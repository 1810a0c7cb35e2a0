from __future__ import annotations

from server.session.latency import LatencyWindow

MS = 1_000_000


def test_without_masks_there_is_no_latency() -> None:
    assert LatencyWindow().p95_ms(0) is None


def test_95_of_100_masks_are_no_older() -> None:
    window = LatencyWindow()
    for age_ms in range(100, 0, -1):
        window.add(0, age_ms * MS)
    assert window.p95_ms(0) == 95.0


def test_one_mask_is_its_own_percentile() -> None:
    window = LatencyWindow()
    window.add(0, 61_500_000)
    assert window.p95_ms(0) == 61.5


def test_masks_older_than_five_seconds_are_forgotten() -> None:
    window = LatencyWindow()
    window.add(0, 200 * MS)
    window.add(1 * MS, 50 * MS)
    assert window.p95_ms(5000 * MS) == 200.0
    assert window.p95_ms(5001 * MS) == 50.0
    assert window.p95_ms(5002 * MS) is None
