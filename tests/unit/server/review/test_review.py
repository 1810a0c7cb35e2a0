from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from server.bench.marker_model import place_of
from server.errors import WorkerLostError
from server.masks.message import MaskMessage
from server.worker.protocol import FoundPolyp
from server.worker.state import WorkerState
from tests.fakes.code_publisher import write_changing_film
from tests.fakes.coded_film import TICKS, write_coded_film
from tests.fakes.fake_worker import FakeWorker, result_of
from tests.unit.server.review.conftest import (
    ALL,
    House,
    assert_every_mask_is_its_pictures,
    masked_places,
    shown_numbers,
)


async def test_each_mask_has_the_time_of_its_own_picture(house: House, tmp_path: Path) -> None:
    film = write_coded_film(tmp_path / "film.mp4", 60)
    review = await house.finished(film)
    assert (review.state, review.reason) == ("done", "")
    assert review.copy.coding is not None
    assert not review.copy.coding.is_reencoded
    assert [part.from_pts for part in review.film.parts] == [0, 25 * TICKS, 50 * TICKS]
    assert_every_mask_is_its_pictures(review, 60)
    assert review.computed_to_pts == 60 * TICKS


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
async def test_pictures_that_are_decoded_in_another_order_keep_their_masks(
    house: House, tmp_path: Path, name: str
) -> None:
    film = write_coded_film(tmp_path / name, 60, b_frames=3)
    review = await house.finished(film)
    assert review.copy.coding is not None
    assert not review.copy.coding.is_reencoded
    assert_every_mask_is_its_pictures(review, 60)


async def test_other_codings_that_browsers_play_are_left_as_they_are(
    house: House, tmp_path: Path
) -> None:
    review = await house.finished(write_coded_film(tmp_path / "film.webm", 30, codec="libvpx"))
    assert review.copy.coding is not None
    assert (review.copy.coding.codec, review.copy.coding.is_reencoded) == ("vp8", False)
    assert_every_mask_is_its_pictures(review, 30)


@pytest.mark.parametrize(
    ("name", "codec"),  # The last one tells when its pictures are decoded, not when they are shown.
    [("film.mpg", "mpeg2video"), ("film.avi", "mpeg4"), ("film.avi", "libx264")],
)
async def test_what_browsers_cannot_play_is_encoded_and_keeps_its_masks(
    house: House, tmp_path: Path, name: str, codec: str
) -> None:
    film = write_coded_film(tmp_path / name, 40, codec=codec, b_frames=2)
    review = await house.finished(film)
    assert (review.state, review.reason) == ("done", "")
    assert review.copy.coding is not None
    assert review.copy.coding.is_reencoded
    shown = shown_numbers(review)
    # Of the times in the last file one is told twice: a picture more or less at the end.
    assert list(shown.values()) == list(range(len(shown)))
    assert len(shown) >= 39
    masked = masked_places(review)
    assert masked.keys() == shown.keys()
    for pts, number in shown.items():
        assert masked[pts] == pytest.approx(place_of(number or 0), abs=1e-6)


async def test_a_picture_size_that_changes_begins_a_new_memory(
    house: House, tmp_path: Path
) -> None:
    film = write_changing_film(tmp_path / "film.ts", [(640, 480), (320, 240)], [25, 25], 30)
    review = await house.finished(film)
    assert house.worker.epochs == {}
    masks = [MaskMessage.model_validate(mask) for mask in json.loads(review.masks.read(0, ALL))]
    assert [mask.source_size for mask in masks] == [(480, 640)] * 30 + [(240, 320)] * 30


async def test_a_finding_is_told_once_with_its_time_in_the_film(
    house: House, tmp_path: Path
) -> None:
    house.worker = FakeWorker()
    review = house.review(write_coded_film(tmp_path / "film.mp4", 40))
    review.start()
    patch = FoundPolyp(box=(100, 100, 60, 60), area_px=3600, score=0.9)
    for index in range(40):
        picture, answer = await house.worker.next_picture()
        assert picture.is_patient
        answer.set_result(result_of(picture, (patch,) if index >= 10 else ()))
    await review.wait()
    [finding] = review.findings.findings
    assert finding.first_seen_pts == 10 * TICKS
    assert finding.last_seen_pts == 39 * TICKS
    assert [(s.from_pts, s.to_pts, s.state) for s in review.timeline.stretches] == [
        (0, 10 * TICKS, "clear"),
        (10 * TICKS, 40 * TICKS, "polyp"),
    ]


async def test_a_lost_worker_costs_no_picture_its_mask(house: House, tmp_path: Path) -> None:
    house.worker = FakeWorker()
    review = house.review(write_coded_film(tmp_path / "film.mp4", 3))
    review.start()
    picture, answer = await house.worker.next_picture()
    house.worker.set_state(WorkerState.LOST, "worker lost")
    answer.set_exception(WorkerLostError("gone"))
    await house.until(lambda: review.reason == "worker lost")
    assert review.state == "waiting"
    house.worker.set_state(WorkerState.READY)
    again, answer = await house.worker.next_picture()
    assert again.sequence == picture.sequence
    answer.set_result(result_of(again))
    for _ in range(2):
        picture, answer = await house.worker.next_picture()
        answer.set_result(result_of(picture))
    await review.wait()
    assert len(review.masks) == 3


async def test_a_review_says_that_live_sessions_come_first(house: House, tmp_path: Path) -> None:
    house.worker = FakeWorker()
    review = house.review(write_coded_film(tmp_path / "film.mp4", 3))
    review.start()
    await house.worker.next_picture()
    assert review.state == "computing"
    await house.clock.advance(2.0)
    assert (review.state, review.reason) == ("waiting", "live sessions come first")


async def test_a_film_too_large_for_its_room_is_told_so(house: House, tmp_path: Path) -> None:
    house.limit_bytes = 50_000
    review = await house.finished(write_coded_film(tmp_path / "film.mp4", 30))
    assert review.state == "failed"
    assert "SALI_REVIEW__MAX_MEGABYTES" in review.reason


async def test_an_ended_review_leaves_no_thread_and_no_stream(house: House, tmp_path: Path) -> None:
    house.worker = FakeWorker()
    review = house.review(write_coded_film(tmp_path / "film.mp4", 30))
    review.start()
    await house.worker.next_picture()
    await review.aclose()
    await review.aclose()
    assert house.worker.epochs == {}
    assert not [t for t in threading.enumerate() if t.name.startswith("review-")]
