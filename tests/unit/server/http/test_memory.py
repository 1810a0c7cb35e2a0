from __future__ import annotations

import base64
from typing import Any

import pytest

from server.errors import MemoryNotReadError, MemoryNotToldError, WorkerError
from server.worker.protocol import MemoryRead
from tests.fakes.fake_worker import memory_read_of
from tests.unit.server.http.conftest import Service


class Answers:
    """Stands in for the worker's answer to a question about a memory."""

    def __init__(self, answer: MemoryRead | WorkerError) -> None:
        self.answer = answer

    async def __call__(self, *_: Any) -> MemoryRead:
        if isinstance(self.answer, WorkerError):
            raise self.answer
        return self.answer


def answer_with(
    service: Service, monkeypatch: pytest.MonkeyPatch, answer: MemoryRead | WorkerError
) -> None:
    monkeypatch.setattr(service.services.worker, "read_memory", Answers(answer))


async def test_a_look_into_the_memory_tells_frames_shares_ages_and_one_map(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await service.create()
    answer_with(
        service, monkeypatch, memory_read_of({70: 0.25, 90: 0.75}, pictures=(90,), maps=(70, 90))
    )
    answer = await service.client.get(f"/v1/sessions/{session}/memory?map=90")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "sequence": 100,
        "pts": 900000,
        "frames": [
            {
                "sequence": 70, "pts": 630000, "age_s": 3.0, "share": 0.25, "area": 0.25,
                "has_picture": False,
            },
            {
                "sequence": 90, "pts": 810000, "age_s": 1.0, "share": 0.75, "area": 0.25,
                "has_picture": True,
            },
        ],
        "has_maps": True,
        "map": {
            "sequence": 90, "size": [1, 2], "levels": base64.b64encode(bytes([255, 0])).decode(),
        },
    }  # fmt: skip


async def test_a_picture_in_memory_is_a_jpeg_that_nobody_stores(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await service.create()
    answer_with(service, monkeypatch, memory_read_of({70: 1.0}, pictures=(70,)))
    await service.client.get(f"/v1/sessions/{session}/memory")
    picture = await service.client.get(f"/v1/sessions/{session}/memory/70")
    assert picture.status_code == 200
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.headers["Cache-Control"] == "no-store"
    assert picture.content == b"jpeg 70"


async def test_a_new_patient_takes_the_pictures_of_the_one_before_along(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await service.create()
    answer_with(service, monkeypatch, memory_read_of({70: 1.0}, pictures=(70,)))
    await service.client.get(f"/v1/sessions/{session}/memory")
    await service.client.post(f"/v1/sessions/{session}/reset")
    gone = await service.client.get(f"/v1/sessions/{session}/memory/70")
    assert gone.status_code == 404
    assert gone.json()["code"] == "resource_not_found"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryNotReadError("no picture reached the AI within a second"), "memory_not_read"),
        (MemoryNotToldError("the model that runs does not tell"), "memory_not_told"),
    ],
)
async def test_a_memory_that_cannot_be_looked_at_is_a_problem_document(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: WorkerError, code: str
) -> None:
    session = await service.create()
    answer_with(service, monkeypatch, error)
    answer = await service.client.get(f"/v1/sessions/{session}/memory")
    assert answer.status_code == 409
    assert answer.json()["code"] == code
    assert ("Retry-After" in answer.headers) == error.retryable


async def test_without_a_worker_the_memory_cannot_be_looked_at(service: Service) -> None:
    session = await service.create()
    answer = await service.client.get(f"/v1/sessions/{session}/memory")
    assert answer.status_code == 503
    assert answer.json()["code"] == "worker_lost"
