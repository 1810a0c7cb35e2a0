"""What a worker tells of a session's memory, and what it keeps for it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sali_core.types import MemoryReading
from server.worker.memory_answer import MAX_PICTURES, Told, answer
from server.worker.memory_pictures import KeptPicture, MemoryPictures
from server.worker.protocol import MemoryRead, ReadMemory
from server.worker.runner import Runner
from server.worker.scheduler import StepRequest
from tests.fakes.fake_engine import FakeEngine
from tests.fakes.remembering_model import RememberingModel

SIDE = 32


def request(sequence: int, *, session: str = "a", epoch: int = 0) -> StepRequest:
    """A dark picture with a red square."""
    rgb = np.full((SIDE, SIDE, 3), 40, dtype=np.uint8)
    rgb[8:24, 8:24, 0] = 255
    return StepRequest(
        session=session, epoch=epoch, sequence=sequence, height=SIDE, width=SIDE,
        rgb=rgb.tobytes(), arrived_at_ns=0, expires_at_ns=0, pts=3600 * sequence,
    )  # fmt: skip


def question(*, known: tuple[int, ...] = (), maps: tuple[int, ...] = ()) -> ReadMemory:
    return ReadMemory(session="a", epoch=0, known=known, maps=maps)


def ask(runner: Runner, sequence: int, asked: ReadMemory) -> MemoryRead:
    [told] = runner.compute([request(sequence)], {"a": asked}).told
    return answer(told)


def test_an_answer_names_the_frames_in_memory_and_their_shares() -> None:
    runner = Runner(RememberingModel())  # type: ignore[arg-type]
    for sequence in range(100, 105):
        runner.compute([request(sequence)])
    read = ask(runner, 105, question())
    assert (read.sequence, read.pts, read.is_told) == (105, 3600 * 105, True)
    assert [frame.sequence for frame in read.frames] == [100, 102, 104]
    assert [frame.pts for frame in read.frames] == [360000, 367200, 374400]
    assert [frame.share for frame in read.frames] == pytest.approx([0.05, 0.05, 0.9])
    assert all(frame.area == pytest.approx(0.25) for frame in read.frames)
    assert all(frame.map is None for frame in read.frames)


def test_maps_and_pictures_come_for_the_frames_they_are_wanted_of() -> None:
    runner = Runner(RememberingModel())  # type: ignore[arg-type]
    for sequence in range(3):
        runner.compute([request(sequence)])
    read = ask(runner, 3, question(known=(0,), maps=(2,)))
    assert read.map_size == (1, 2)
    assert [frame.map is not None for frame in read.frames] == [False, True]
    assert read.frames[1].map is not None
    # 0.9 of all attention in one of four cells: 1.85 doublings above an even share.
    assert base64.b64decode(read.frames[1].map) == bytes([128 + 59, 0])
    assert [frame.picture is not None for frame in read.frames] == [False, True]


def test_a_picture_is_small_and_shows_the_outline_of_its_mask() -> None:
    runner = Runner(RememberingModel())  # type: ignore[arg-type]
    runner.compute([request(0)])
    [frame] = ask(runner, 1, question()).frames
    assert frame.picture is not None
    with Image.open(io.BytesIO(base64.b64decode(frame.picture))) as image:
        assert image.format == "JPEG"
        pixels = np.asarray(image).astype(int)
    assert pixels.shape == (SIDE // 2, SIDE // 2, 3)
    edge, inside, outside = pixels[4, 8], pixels[8, 8], pixels[1, 1]
    assert edge[1] > 150 > edge[0]  # JPEG blurs colours
    assert inside[0] > 150 > inside[1]
    assert outside.max() < 90


def test_one_answer_holds_a_few_pictures_and_the_next_ones_the_rest() -> None:
    kept = [
        KeptPicture(k, k, np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.bool_), 0.0)
        for k in range(MAX_PICTURES + 2)
    ]
    shares = np.full(len(kept), 1 / len(kept), np.float32)
    reading = MemoryReading(tuple(range(len(kept))), shares)
    known: tuple[int, ...] = ()
    told = []
    for _ in range(2):
        read = answer(Told(question(known=known), request(99), reading, tuple(kept)))
        new = tuple(frame.sequence for frame in read.frames if frame.picture is not None)
        assert len(read.frames) == len(kept)
        assert read.map_size is None
        known += new
        told.append(len(new))
    assert told == [MAX_PICTURES, 2]


def test_a_model_that_cannot_tell_says_so_and_is_not_asked_for_more() -> None:
    runner = Runner(FakeEngine())  # type: ignore[arg-type]
    read = ask(runner, 0, question())
    assert not read.is_told
    assert read.frames == ()


def test_only_the_session_that_is_asked_about_is_asked() -> None:
    model = RememberingModel()
    runner = Runner(model)  # type: ignore[arg-type]
    computed = runner.compute([request(0), request(0, session="b")], {"a": question()})
    assert model.asked == 1
    assert [told.request.session for told in computed.told] == ["a"]
    assert runner.compute([request(1)]).told == ()


def test_an_epoch_takes_its_pictures_along() -> None:
    runner = Runner(RememberingModel())  # type: ignore[arg-type]
    for sequence in range(4):
        runner.compute([request(sequence)])
    runner.compute([request(4, epoch=1)])
    [told] = runner.compute([request(5, epoch=1)], {"a": question()}).told
    assert [frame.sequence for frame in answer(told).frames] == [4]


def test_pictures_of_a_memory_that_lets_frames_go_stay_bounded() -> None:
    pictures = MemoryPictures()
    picture = KeptPicture.of(request(0), np.zeros((SIDE, SIDE), np.bool_))
    most = 0
    for number in range(500):
        pictures.keep(number, picture)
        if pictures.is_crowded:
            pictures.retain(range(number - 34, number + 1))
        most = max(most, sum(kept is not None for kept in pictures.of(range(500))))
    assert most <= 70
    assert None not in pictures.of(range(466, 500))
